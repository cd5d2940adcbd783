"""Answers that are made of restored pictures without a training: what a loss has to beat to be worth its cost."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""(H, W, bands) in [0, 1]."""

SIGMA, AMOUNT = 1.0, 0.75
"""Of the unsharp mask: deviation of the Gaussian in pixels, and the share of what it takes away that is added again."""
WORDS = {
    "sharpened": f"sharpened (unsharp mask, sigma {SIGMA:g}, amount {AMOUNT:g})",
    "mean": "their mean, pixel by pixel",
    "ground_truth": "the ground truth itself, for metrics that do without one",
}
"""What each answer is."""


def made(how: str, pictures: Sequence[Picture]) -> Picture:
    """Return what `how`, `sharpened` or `mean`, makes of pictures of one size; raises KeyError for another name."""
    return {"sharpened": _sharpened, "mean": _mean}[how](pictures)


def _sharpened(pictures: Sequence[Picture]) -> Picture:
    from scipy.ndimage import gaussian_filter

    (picture,) = pictures
    smooth = gaussian_filter(picture, SIGMA, mode="nearest", axes=(0, 1))
    return np.asarray(np.clip(picture + AMOUNT * (picture - smooth), 0, 1), dtype=np.float32)


def _mean(pictures: Sequence[Picture]) -> Picture:
    return np.asarray(np.mean(np.stack(pictures), axis=0, dtype=np.float64), dtype=np.float32)
