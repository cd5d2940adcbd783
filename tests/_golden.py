"""What the tests of the metrics share: golden values, and the pictures that they were computed on."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from fractions import Fraction
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipeline.metrics._protocol import Protocol
from pipeline.resize import crop_to_multiple, resize_bicubic

GOLDEN = Path(__file__).parent / "golden" / "metrics.csv"
TOLERANCE = {"psnr": 1e-4, "niqe": 1e-3, "ssim": 1e-5, "ssim_3d": 1e-6, "sam": 1e-6, "ergas": 1e-6}
SINGLE_PRECISION = ("piq", "piqa", "pytorch-msssim")
"""Libraries that computed their ssim in float32."""

CONVENTIONS = {
    ("psnr", "RGB uint8, no crop, data_range 255"): Protocol("rgb"),
    ("psnr", "RGB uint8, no crop"): Protocol("rgb"),
    ("psnr", "RGB float32/255, no crop"): Protocol("rgb"),
    ("psnr", "RGB float32/255, no crop (mse+1e-8)"): Protocol("rgb"),
    ("psnr", "RGB uint8, crop 4 (BasicSR x4 benchmark)"): Protocol("rgb", 4),
    ("psnr", "RGB uint8, crop 10 = scale+6 (NTIRE / EDSR DIV2K, x4)"): Protocol("rgb", 10),
    ("psnr", "RGB float, not rounded, clipped [0,255], no crop"): Protocol("rgb", rounding=False),
    ("psnr", "RGB, library default"): Protocol("rgb"),
    ("psnr", "Y BT.601 limited, unrounded, crop 4"): Protocol("y601", 4),
    ("psnr", "Y of YIQ full range, no crop (psnry)"): Protocol("gray"),
    ("psnr", "Y of YIQ full range, no crop (convert_to_greyscale)"): Protocol("gray"),
    ("ssim", "RGB per-channel mean, gauss 11x11 s1.5, population cov, valid, no crop"): Protocol("rgb"),
    ("ssim", "RGB per-channel mean, gauss 11x11 s1.5, population cov, valid"): Protocol("rgb"),
    (
        "ssim",
        "RGB per-channel mean, gauss 11x11 s1.5, population cov, valid, no crop, downsample=False",
    ): Protocol("rgb"),
    (
        "ssim",
        "Y BT.601 limited unrounded, gauss 11x11 s1.5, population cov, valid, crop 4",
    ): Protocol("y601", 4),
    (
        "ssim_3d",
        "RGB as 3-D volume (MATLAB ssim on HxWx3): 3-D gauss s1.5 radius 5, replicate, full map",
    ): Protocol("rgb"),
    (
        "sam",
        "4 bands (R,G,B,round((R+G)/2)) uint8, radians, eps in denominator (zero vector -> pi/2), mean",
    ): Protocol("rgb"),
    ("sam", "radians, eps in denominator (every zero vector -> pi/2)"): Protocol("rgb"),
    ("sam", "radians"): Protocol("rgb"),
    ("ergas", "4 bands, 100*(h/l)=100/4, reference-band means"): Protocol("rgb"),
    ("ergas", "4 bands, r=0.25 default"): Protocol("rgb"),
    ("ergas", "4 bands, ratio=4 default (100/ratio)"): Protocol("rgb"),
    ("ergas", "100/4"): Protocol("rgb"),
    ("ergas", "r=0.25"): Protocol("rgb"),
    ("ergas", "ratio=4"): Protocol("rgb"),
    ("niqe", "Y BT.601 limited rounded, block 96, crop 0, MATLAB imresize"): Protocol("y601"),
    ("niqe", "Y BT.601 limited rounded, block 96, crop 4, MATLAB imresize"): Protocol("y601", 4),
    ("niqe", "gray (cv2 BGR2GRAY) rounded, block 96, crop 0"): Protocol("gray"),
}

Floats = NDArray[np.float64]
Row = dict[str, str]


def golden_cases() -> list[Any]:
    with GOLDEN.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    groups = groupby(rows, key=lambda row: (row["image"], row["degradation"]))
    return [pytest.param(*key, list(group), id=f"{key[0].split()[0]}-{key[1][:12]}") for key, group in groups]


@cache
def photograph(name: str) -> NDArray[np.uint8]:
    """Return `astronaut` (512, 512, 3) or `chelsea` (300, 448, 3)."""
    return np.ascontiguousarray(crop_to_multiple(getattr(skimage.data, name)(), 4))


def floats(image: NDArray[np.uint8]) -> Floats:
    return np.ascontiguousarray(image.transpose(2, 0, 1)) / 255


def levels(image: Floats) -> NDArray[np.uint8]:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def degraded(image: NDArray[np.uint8], text: str) -> Floats:
    """Return what the column `degradation` describes, (H, W, 3) in 0..255, before rounding where it has fractions."""
    pixels = image.astype(np.float64)
    if text.startswith("awgn"):
        return pixels + np.random.default_rng(0).normal(0, 25, image.shape)
    if text.startswith("gauss"):
        blurred: Floats = gaussian_filter(pixels, (1.6, 1.6, 0), mode="reflect", truncate=4)
        return blurred
    if text.startswith("jpeg"):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=20)
        return np.asarray(Image.open(file), dtype=np.float64)
    if text.startswith("x4"):
        return resize_bicubic(np.round(np.clip(resize_bicubic(pixels, Fraction(1, 4)), 0, 255)), 4)
    assert text == "identity"
    return pixels


def synthetic(text: str) -> tuple[NDArray[np.uint8], Floats]:
    """Return target and prediction (32, 32, 4) of a synthetic row; `text` is its column `degradation`."""
    generator = np.random.default_rng(0)
    target = generator.integers(1, 256, (32, 32, 4))
    prediction = np.clip(target + generator.integers(-8, 9, target.shape), 0, 255)
    if "zero" in text:
        target[:4, :4] = prediction[:4, :4] = prediction[4:8, 4:8] = 0
    return target.astype(np.uint8), prediction.astype(np.float64)


def four_bands(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Append the rounded mean of red and green to (H, W, 3)."""
    fourth = np.round((image[..., 0].astype(np.float64) + image[..., 1]) / 2)
    return np.dstack([image, fourth.astype(np.uint8)])


def tolerance(row: Row) -> float:
    single = row["metric"] == "ssim" and row["computed_by"].split()[0] in SINGLE_PRECISION
    return 5e-5 if single else TOLERANCE[row["metric"]]


def skip_unless_the_bytes_are_the_same(image: NDArray[np.uint8], text: str) -> None:
    expected = re.search(r"sha256:(\w+)", text)
    found = hashlib.sha256(image.tobytes()).hexdigest()
    if expected and not found.startswith(expected[1]):
        pytest.skip(f"other bytes (sha256 {found[:12]}) than the golden values were computed on: {text}")
