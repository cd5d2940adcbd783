"""Every golden row of PSNR, SSIM, NIQE, spectral angle and ERGAS, by our own code or by the library that it states."""

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _golden import Floats, GoldenRow, floats, four_bands, golden_rows, levels, pictures, rows_of
from torch import Tensor

from lossbench.metrics import Protocol, niqe, sam_dropped, score

OURS = ("psnr", "ssim", "niqe", "sam", "ergas")
FILES = ("test_golden_fidelity", "test_golden_perceptual", "test_golden_learned")
"""Where every golden row is a parameter of a test."""

TOLERANCE = {"psnr": 1e-4, "ssim": 1e-5, "niqe": 1e-3, "sam": 1e-6, "ergas": 1e-6}
SINGLE = ("piq", "piqa", "pytorch-msssim", "torchmetrics", "kornia", "pyiqa")
"""Libraries that computed their ssim in float32: 5e-5."""
PUBLISHED = {"psnr": 0.005, "ssim": 1e-4}
"""Of IQA-PyTorch's table: half of the last digit printed, and a whole one."""

VALID = "RGB per-channel mean, gauss 11x11 s1.5, population cov, valid"
VOLUME = "RGB as 3-D volume (MATLAB ssim on HxWx3)"
MEAN = "R,G,B,round((R+G)/2)"
OWN: dict[str, dict[str, tuple[str, Protocol]]] = {
    "psnr": {
        "RGB uint8, no crop, data_range 255": ("psnr", Protocol()),
        "RGB uint8, no crop": ("psnr", Protocol()),
        "RGB uint8": ("psnr", Protocol()),
        "RGB float32/255, no crop": ("psnr", Protocol()),
        "RGB float32/255, no crop (mse+1e-8)": ("psnr", Protocol()),
        "RGB uint8, crop 4 (BasicSR x4 benchmark)": ("psnr", Protocol("rgb", 4)),
        "RGB uint8, crop 10 = scale+6 (NTIRE / EDSR DIV2K, x4)": ("psnr", Protocol("rgb", 10)),
        "RGB float, not rounded, clipped [0,255], no crop": ("psnr", Protocol(rounding=False)),
        "Y BT.601 limited, unrounded, crop 4": ("psnr", Protocol("y601", 4)),
        "Y BT.601 limited, rounded to uint8 (MATLAB rgb2ycbcr), crop 4": ("psnr", Protocol("y601_rounded", 4)),
        "Y BT.601 rounded uint8, crop 4": ("psnr", Protocol("y601_rounded", 4)),
        "Y BT.601 rounded uint8, crop 4, recomputed from the LR image": ("psnr", Protocol("y601_rounded", 4)),
        "Y of YIQ full range, no crop (psnry)": ("psnr", Protocol("gray", rounding=False)),
        "Y of YIQ full range, no crop (convert_to_greyscale)": ("psnr", Protocol("gray", rounding=False)),
    },
    "ssim": {
        VALID: ("ssim", Protocol()),
        f"{VALID}, no crop": ("ssim", Protocol()),
        f"{VALID}, no crop, downsample=False": ("ssim", Protocol()),
        f"{VOLUME}: 3-D gauss s1.5 radius 5, replicate, full map": ("ssim_3d", Protocol()),
        "Y BT.601 limited unrounded, gauss 11x11 s1.5, population cov, valid, crop 4": ("ssim", Protocol("y601", 4)),
        "Y BT.601 limited rounded, gauss 11x11 s1.5, population cov, valid, crop 4 (MATLAB ssim_index)": (
            "ssim",
            Protocol("y601_rounded", 4),
        ),
        "Y BT.601 rounded uint8, crop 4, gauss 11x11 s1.5": ("ssim", Protocol("y601_rounded", 4)),
        "Y BT.601 rounded uint8, crop 4, recomputed from the LR image": ("ssim", Protocol("y601_rounded", 4)),
    },
    "niqe": {
        "Y BT.601 limited rounded, block 96, crop 0, MATLAB imresize": ("niqe", Protocol("y601")),
        "Y BT.601 limited rounded, block 96, crop 4, MATLAB imresize": ("niqe", Protocol("y601", 4)),
        "gray (cv2 BGR2GRAY) rounded, block 96, crop 0": ("niqe", Protocol("gray")),
        "Y BT.601, block 96, crop 0": ("niqe", Protocol("y601")),
        "Y BT.601 limited rounded, block 96, crop 0": ("niqe", Protocol("y601_rounded")),
        "Y BT.601 limited rounded, block 96, crop 4": ("niqe", Protocol("y601_rounded", 4)),
        "gray (cv2) rounded, block 96, crop 0": ("niqe", Protocol("gray")),
        "rgb2gray, official niqe_release, block 96": ("niqe", Protocol("gray")),
    },
    "sam": {
        f"4 bands ({MEAN}) uint8, radians, eps in denominator (zero vector -> pi/2), mean": ("sam", Protocol()),
        "radians, eps in denominator (every zero vector -> pi/2)": ("sam", Protocol()),
        "4 bands, radians, zero-norm pixels excluded": ("sam_dropped", Protocol()),
        "radians, zero-norm pixels excluded": ("sam_dropped", Protocol()),
    },
    "ergas": {
        "4 bands, 100*(h/l)=100/4, reference-band means": ("ergas", Protocol()),
        "4 bands, r=0.25 default": ("ergas", Protocol()),
        "4 bands, ratio=4 default (100/ratio)": ("ergas", Protocol()),
        "100/4": ("ergas", Protocol()),
        "r=0.25": ("ergas", Protocol()),
        "ratio=4": ("ergas", Protocol()),
    },
}
"""Our metric and protocol for every convention that is ours, whoever computed the row."""


def compared(row: GoldenRow) -> tuple[Floats, Floats]:
    """Return prediction and target (C, H, W) in [0, 1], the prediction rounded unless the row says otherwise."""
    target, prediction = pictures(row)
    if "not rounded" in row["convention"]:
        return np.clip(prediction.transpose(2, 0, 1) / 255, 0, 1), floats(target)
    ours = levels(prediction)
    if row["convention"].startswith("4 bands"):
        ours, target = four_bands(ours), four_bands(target)
    return floats(ours), floats(target)


def own(row: GoldenRow) -> float | None:
    """Return our value, or None where the convention is a library's own."""
    metric, convention = row["metric"], row["convention"]
    if convention in OWN[metric]:
        name, protocol = OWN[metric][convention]
        return score(name, *compared(row), protocol=protocol)
    if convention == "rgb2gray, gauss 11x11 s1.5, no downsampling":
        return score("ssim", *compared(row), protocol="gray")
    if metric == "sam" and "degrees" in convention:
        return math.degrees(score("sam", *compared(row)))
    if metric == "sam" and convention == "radians" and row["value"] != "nan":
        return score("sam", *compared(row))
    if convention == "radians, zero-norm pixels counted as 0":
        ours, theirs = compared(row)
        black = sam_dropped.zero_pixels(ours, theirs, Protocol())
        return float(score("sam_dropped", ours, theirs) * (1 - black / ours[0].size))
    if convention.startswith("sewar <=0.4.5 rule"):
        ours, theirs = (image.reshape(len(image), -1) for image in compared(row))
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        return float(np.arccos((ours * theirs).sum(axis=1) / lengths).mean())
    return None


def tensors(row: GoldenRow, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    ours, theirs = (torch.from_numpy(image).to(dtype)[None] for image in compared(row))
    return ours, theirs


def by_scikit_image(row: GoldenRow) -> float | None:
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    ours, theirs = (np.round(255 * image).astype(np.uint8) for image in compared(row))
    if row["metric"] == "psnr":
        return float(peak_signal_noise_ratio(theirs, ours, data_range=255))  # type: ignore[no-untyped-call]
    if "skimage default" in row["convention"]:
        return float(structural_similarity(theirs, ours, data_range=255, channel_axis=0))  # type: ignore[no-untyped-call]
    return None


def by_sewar(row: GoldenRow) -> float | None:
    import sewar  # type: ignore[import-untyped]

    ours, theirs = (np.round(255 * image).astype(np.uint8).transpose(1, 2, 0) for image in compared(row))
    value = getattr(sewar, row["metric"])(theirs, ours)
    return float(value[0] if row["metric"] == "ssim" else value)


def by_torchmetrics(row: GoldenRow) -> float | None:
    from torchmetrics.functional import image as metrics

    double = row["metric"] in ("sam", "ergas")
    ours, theirs = tensors(row, torch.float64 if double else torch.float32)
    if row["metric"] == "psnr":
        return float(metrics.peak_signal_noise_ratio(ours, theirs, data_range=1.0))
    if row["metric"] == "ssim":
        return float(metrics.structural_similarity_index_measure(ours, theirs, data_range=1.0))  # type: ignore[arg-type]
    if row["metric"] == "sam":
        return float(metrics.spectral_angle_mapper(ours, theirs))
    return float(metrics.error_relative_global_dimensionless_synthesis(ours * 255, theirs * 255))


def by_piq(row: GoldenRow) -> float | None:
    import piq  # type: ignore[import-untyped]

    if row["metric"] == "psnr":
        return float(piq.psnr(*tensors(row), convert_to_greyscale="convert_to_greyscale" in row["convention"]))
    return float(piq.ssim(*tensors(row), downsample="downsample=False" not in row["convention"]))


def by_pyiqa(row: GoldenRow) -> float | None:
    import pyiqa

    ours, theirs = tensors(row)
    if row["metric"] == "niqe":
        from pyiqa.archs.niqe_arch import calculate_niqe

        mean, covariance = (torch.from_numpy(values)[None] for values in niqe._pristine())
        picture = ours if "ycbcr" in row["convention"] else _luma(ours)
        return float(calculate_niqe(picture, color_space="ycbcr", mu_pris_param=mean, cov_pris_param=covariance))
    asked = row["convention"].rpartition("(")[2].rstrip(")")
    name = asked if asked in ("psnry", "ssim", "ssimc") else row["metric"]
    return float(pyiqa.create_metric(name, device="cpu")(ours, theirs))


def _luma(picture: Tensor) -> Tensor:
    """Return YIQ luma (1, 1, H, W) of (1, 3, H, W) as a processor with fused multiply-add multiplies the matrix.

    pyiqa's own product differs by processor in the last bit, and with it how pixels half way between levels round.
    """
    weights = torch.tensor([0.299, 0.587, 0.114])
    luma = picture[:, :1] * weights[0]
    for band in (1, 2):
        luma = (picture[:, band : band + 1].double() * weights[band].double() + luma.double()).float()
    return luma


LIBRARIES: dict[str, Callable[[GoldenRow], float | None]] = {
    "scikit-image": by_scikit_image,
    "sewar": by_sewar,
    "torchmetrics": by_torchmetrics,
    "piq": by_piq,
    "pyiqa": by_pyiqa,
}


def theirs(row: GoldenRow) -> float | None:
    """Return what the row's library gives on the same pictures; None where it is not installed or is our own code."""
    library = row["computed_by"].split()[0]
    # kornia averages the whole map, borders reflected, as torchmetrics does
    if library == "kornia" and "FULL image" in row["convention"]:
        return by_torchmetrics(row)
    return LIBRARIES[library](row) if library in LIBRARIES else None


def tolerance(row: GoldenRow) -> float:
    metric, library = row["metric"], row["computed_by"].split()[0]
    if row["image"].startswith("chaofengc"):
        return PUBLISHED.get(metric, 0.01 * float(row["value"]))
    if library == "MATLAB," and metric != "niqe":
        return 1e-7
    if metric == "ssim" and library in SINGLE:
        return 5e-5
    if metric == "niqe" and row["degradation"].startswith("x4"):
        # fifty pixels of the resized picture differ by a level from those that the value was computed on
        return 5e-3 if library == "pyiqa" else 2e-3
    return math.degrees(TOLERANCE[metric]) if "degrees" in row["convention"] else TOLERANCE[metric]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", rows_of(*OURS))
def test_a_golden_row_is_met(row: GoldenRow) -> None:
    found = {"own": own(row), "library": theirs(row)}
    values = {origin: value for origin, value in found.items() if value is not None}
    assert values, "nothing computes this row"
    expected = pytest.approx(float(row["value"]), abs=tolerance(row), nan_ok=True)
    for origin, value in values.items():
        assert value == expected, f"{origin}: {row}"


def test_every_golden_row_is_a_parameter_of_a_test() -> None:
    tested = [row for file in FILES for row in _parameters(_module(file))]
    assert {id(row) for row in tested} == {id(row) for row in golden_rows()}
    assert len(golden_rows()) == 576
    counts = {name: sum(row["metric"] == name for row in golden_rows()) for name in OURS}
    assert counts == {"psnr": 124, "ssim": 136, "niqe": 49, "sam": 42, "ergas": 27}


def _module(name: str) -> Any:
    """Import the file of tests `name` of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _parameters(module: Any) -> list[GoldenRow]:
    """Return the golden rows that are parameters of the tests of `module`."""
    marks = [mark for value in vars(module).values() for mark in getattr(value, "pytestmark", ())]
    cases = [getattr(case, "values", None) for mark in marks if mark.name == "parametrize" for case in mark.args[1]]
    values = [value for case in cases if isinstance(case, tuple) for value in case]
    return [value for value in values if isinstance(value, dict) and "computed_by" in value]
