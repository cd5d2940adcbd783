"""Pictures with known scores: scikit-image's own photographs, degraded as the golden values' column says."""

import csv
import hashlib
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.images import through_jpeg
from lossbench.metrics._protocol import Floats
from lossbench.resize import crop_to_multiple, resize_bicubic

FILE = Path(__file__).with_name("golden.csv")
CLIPS = FILE.with_name("golden_clips.csv")
"""Of clips alone, apart so that scores of pictures do not rest on it."""
FOUR_BANDS = ", four bands"
"""Ends the column `image` of rows taken on red, green, blue and the mean of red and green."""

GoldenRow = dict[str, str]


def rows(file: Path = FILE) -> list[GoldenRow]:
    """Return the golden values: image, degradation, metric, colour, crop, rounding, value, tolerance.

    `rounding` is True or False, or `pictures` where these are in whole levels and their luma is not.
    """
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def compared(row: GoldenRow) -> tuple[Floats, Floats, str]:
    """Return prediction and target of a row as a metric takes them, in [0, 1], and why they are not its pictures.

    (C, H, W), or (T, C, H, W) for a clip. The prediction keeps its fractions where the row rounds nothing.
    The reason is empty when the pictures are those that the value was computed on.
    """
    if row["image"].startswith("3-frame clip"):
        target = photograph("astronaut")
        noisy = [levels(with_noise(target, sigma, seed)) for seed, sigma in enumerate((10, 25, 50))]
        return np.stack([floats(frame) for frame in noisy]), np.stack([floats(target)] * len(noisy)), ""
    target, prediction = pair(row["image"], row["degradation"])
    reason = other_bytes(target, prediction, row)
    if row["rounding"] == "False":
        return prediction.transpose(2, 0, 1) / 255, floats(target), reason
    ours = levels(prediction)
    if row["image"].endswith(FOUR_BANDS):
        ours, target = four_bands(ours), four_bands(target)
    return floats(ours), floats(target), reason


def pair(image: str, degradation: str) -> tuple[NDArray[np.uint8], Floats]:
    """Return target (H, W, 3) and prediction (H, W, 3) in 0..255 before rounding, as the golden values name them."""
    target = photograph(image.removesuffix(FOUR_BANDS).split()[0].removeprefix("skimage.data."))
    return target, degraded(target, degradation)


@cache
def photograph(name: str) -> NDArray[np.uint8]:
    """Return `astronaut` (512, 512, 3) or `chelsea` (300, 448, 3)."""
    data = imported("skimage.data", "comparing metrics with golden values")
    return np.ascontiguousarray(crop_to_multiple(getattr(data, name)(), 4))


def degraded(image: NDArray[np.uint8], text: str) -> Floats:
    """Return what `text` describes of (H, W, 3), in 0..255, before rounding where it has fractions."""
    from scipy.ndimage import gaussian_filter

    pixels = image.astype(np.float64)
    if text.startswith("awgn"):
        return with_noise(image, 25, 0)
    if text.startswith("gauss"):
        blurred: Floats = gaussian_filter(pixels, (1.6, 1.6, 0), mode="reflect", truncate=4)
        return blurred
    if text.startswith("jpeg"):
        return through_jpeg(image, 20).astype(np.float64)
    if text.startswith("x4"):
        return resize_bicubic(np.round(np.clip(resize_bicubic(pixels, Fraction(1, 4)), 0, 255)), 4)
    assert text == "identity"
    return pixels


def with_noise(image: NDArray[np.uint8], sigma: float, seed: int) -> Floats:
    """Return (H, W, 3) plus normal noise of deviation `sigma` in levels, neither rounded nor clipped."""
    return image + np.random.default_rng(seed).normal(0, sigma, image.shape)


def levels(image: Floats) -> NDArray[np.uint8]:
    """Return values in 0..255, and somewhat beyond, as 8-bit levels."""
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def floats(image: NDArray[np.uint8]) -> Floats:
    """Return (H, W, C) levels as (C, H, W) in [0, 1], as metrics take them."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)) / 255


def four_bands(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Append the rounded mean of red and green to (H, W, 3)."""
    fourth = np.round((image[..., 0].astype(np.float64) + image[..., 1]) / 2)
    return np.dstack([image, fourth.astype(np.uint8)])


def other_bytes(target: NDArray[np.uint8], prediction: Floats, row: GoldenRow) -> str:
    """Return why the pictures are not those whose SHA-256 stand in the row; empty when they are.

    The x4 pictures are not asked: theirs were resized in float32, whose rounding is the processor's, and differ from
    these by a level in some fifty pixels that lie half way between two levels.
    """
    pictures = [(target, row["image"])]
    if not row["degradation"].startswith("x4"):
        pictures.append((levels(prediction), row["degradation"]))
    for image, text in pictures:
        expected = re.search(r"sha256:(\w+)", text)
        found = hashlib.sha256(image.tobytes()).hexdigest()
        if expected and not found.startswith(expected[1]):
            return f"other bytes (sha256 {found[:12]}) than the golden values were computed on: {text}"
    return ""
