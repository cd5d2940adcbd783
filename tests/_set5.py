"""Set5 as the SelfExSR repository publishes it, which is in no package: read where LOSSBENCH_DATA says."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lossbench.images import read_image
from lossbench.resize import resize_bicubic

FOLDER = Path("Set5", "image_SRF_4")


def set5(row: dict[str, str]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return target (H, W, 3) of uint8 and prediction (H, W, 3) in 0..255, of a row of a Set5 picture.

    The prediction is the published low-resolution picture magnified by four: rounded after each of its two passes, as
    MATLAB does, and then in whole levels; in floats, for rows whose column `convention` says `recomputed`. Skips the
    test when the environment variable LOSSBENCH_DATA names no folder that holds the pictures.
    """
    name = row["image"].rpartition("/")[2]
    target, low_quality = (_picture(name.replace("_HR", kind)) for kind in ("_HR", "_LR"))
    recomputed = "recomputed" in row.get("convention", "")
    return target, resize_bicubic(low_quality.astype(np.float64) if recomputed else low_quality, 4).astype(np.float64)


def _picture(name: str) -> NDArray[np.uint8]:
    root = os.environ.get("LOSSBENCH_DATA")
    if root is None:
        pytest.skip(f"LOSSBENCH_DATA is not set; it names the folder with {FOLDER / name}")
    if not (Path(root) / FOLDER / name).is_file():
        pytest.skip(f"{Path(root) / FOLDER / name} is missing")
    return read_image(Path(root) / FOLDER / name)
