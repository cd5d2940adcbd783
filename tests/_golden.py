"""What the tests of the metrics share: golden values, and the pictures that they were computed on."""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lossbench.images import read_image
from lossbench.metrics import _golden
from lossbench.metrics._golden import Floats, GoldenRow, degraded, floats, four_bands, levels, other_bytes, photograph
from lossbench.resize import resize_bicubic

__all__ = ["Floats", "GoldenRow", "degraded", "floats", "four_bands", "golden_rows", "levels", "photograph", "pictures"]

GOLDEN = Path(__file__).parent / "golden" / "metrics.csv"
CALIBRATION = "ResultsCalibra"
"""Folder of the published calibration pictures, beside the package that ships them."""


@cache
def golden_rows() -> list[GoldenRow]:
    """Return every golden row; not to be changed."""
    return _golden.rows(GOLDEN)


def rows_of(*metrics: str) -> list[Any]:
    """Return a parameter for every golden row of `metrics`, whatever computed it."""
    return [pytest.param(row, id=_label(row)) for row in golden_rows() if row["metric"] in metrics]


def _label(row: GoldenRow) -> str:
    image = row["image"].split()[0 if row["image"].startswith(("skimage", "synthetic")) else -1].rsplit("/", 1)[-1]
    return "-".join([row["metric"], image, row["degradation"].split()[0], row["computed_by"].split()[0]])


def pictures(row: GoldenRow) -> tuple[NDArray[np.uint8], Floats]:
    """Return target (H, W, C) of uint8 and prediction (H, W, C) in 0..255 before rounding, of any row with pictures.

    Skips the test, with the reason, when the pictures are not here or not those that the value was computed on.
    """
    target, prediction = _pair(row["image"], row["degradation"], "recomputed" in row["convention"])
    if reason := other_bytes(target, prediction, row):
        pytest.skip(reason)
    return target, prediction


@cache
def _pair(image: str, degradation: str, recomputed: bool) -> tuple[NDArray[np.uint8], Floats]:
    source, path = image.split()[0], image.split()[-1]
    if source == "synthetic":
        return synthetic(degradation)
    if source == "jbhuang0604/SelfExSR":
        target, low_quality = (_published(path.removeprefix("data/").replace("_HR", kind)) for kind in ("_HR", "_LR"))
        # MATLAB rounds between the two passes and the published scores see it; the recomputed ones did not
        return target, resize_bicubic(low_quality.astype(np.float64) if recomputed else low_quality, 4).astype(float)
    if source == "chaofengc/IQA-PyTorch":
        return calibration(path), calibration(degradation).astype(np.float64)
    if source == "XPixelGroup/BasicSR":
        # Set14's first picture, byte for byte as far as its scores tell
        target = _published("Set14/image_SRF_4/img_001_SRF_4_HR.png")
        return target, target.astype(np.float64)
    return _golden.pair(image, degradation)


def _published(path: str) -> NDArray[np.uint8]:
    """Return a picture of a public test set that is in no package, from the folder that LOSSBENCH_DATA names."""
    root = os.environ.get("LOSSBENCH_DATA")
    if root is None or not (Path(root) / path).is_file():
        pytest.skip(f"{path} is in no package; set LOSSBENCH_DATA to a folder that holds it (now: {root})")
    return read_image(Path(root) / path)


def synthetic(text: str) -> tuple[NDArray[np.uint8], Floats]:
    """Return target and prediction (32, 32, 4) of a synthetic row; `text` is its column `degradation`."""
    generator = np.random.default_rng(0)
    target = generator.integers(1, 256, (32, 32, 4))
    prediction = np.clip(target + generator.integers(-8, 9, target.shape), 0, 255)
    if "zero" in text:
        target[:4, :4] = prediction[:4, :4] = prediction[4:8, 4:8] = 0
    return target.astype(np.uint8), prediction.astype(np.float64)


def calibration(path: str) -> NDArray[np.uint8]:
    """Return a calibration picture of IQA-PyTorch (TID2013), which its package pyiqa ships beside itself."""
    try:
        file = Path(str(distribution("pyiqa").locate_file(CALIBRATION))) / path.removeprefix(f"{CALIBRATION}/")
    except PackageNotFoundError:
        pytest.skip(f"{path} is shipped by the package pyiqa, which is not installed")
    if not file.is_file():
        pytest.skip(f"{path} is missing from the package pyiqa")
    return read_image(file)
