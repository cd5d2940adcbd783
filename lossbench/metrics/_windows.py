"""Gaussian windows that lie inside the picture."""

import numpy as np
from scipy.ndimage import correlate1d

from lossbench.metrics._protocol import Floats


def gaussian(size: int, sigma: float) -> Floats:
    """Return the weights (size,) of a Gaussian of standard deviation `sigma` pixels; they sum to 1."""
    offsets = np.arange(size) - (size - 1) / 2
    weights: Floats = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    return weights


def smooth(values: Floats, window: Floats) -> Floats:
    """Return the weighted means of (..., H, W) in all windows of odd size n inside it: (..., H - n + 1, W - n + 1)."""
    radius = len(window) // 2
    height, width = values.shape[-2:]
    rows = correlate1d(values, window, axis=-2)[..., radius : height - radius, :]
    means: Floats = correlate1d(rows, window, axis=-1)[..., radius : width - radius]
    return means


def moments(ours: Floats, theirs: Floats, window: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return both means, both population variances and the covariance in every window, ours first."""
    our_mean, their_mean = smooth(ours, window), smooth(theirs, window)
    return (
        our_mean,
        their_mean,
        smooth(ours**2, window) - our_mean**2,
        smooth(theirs**2, window) - their_mean**2,
        smooth(ours * theirs, window) - our_mean * their_mean,
    )
