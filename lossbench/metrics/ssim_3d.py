"""Structural similarity of a picture taken as a volume, as MATLAB's `ssim` treats three bands."""

from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter

from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004, equation 13, with a window over the bands too (MATLAB)"
OVER: Over = "picture"

SIGMA, RADIUS = 1.5, 5
"""Of the Gaussian window, in pixels and in bands."""
PEAK = 255


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean SSIM of (C, H, W) in [0, 1], at most 1, with a window of 11 pixels and 11 bands.

    Population covariance; borders, of the bands too, continue by their last value and are part of the mean. Much higher
    than `ssim`, since the window averages the bands. The tables of SIDD print it. Raises UserError as Protocol.apply.
    """
    ours, theirs = protocol.pair(prediction, target)
    mean_ours, mean_theirs = _smoothed(ours), _smoothed(theirs)
    variances = _smoothed(ours**2) - mean_ours**2 + _smoothed(theirs**2) - mean_theirs**2
    covariance = _smoothed(ours * theirs) - mean_ours * mean_theirs
    first, second = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    luminance = (2 * mean_ours * mean_theirs + first) / (mean_ours**2 + mean_theirs**2 + first)
    return float(np.mean(luminance * (2 * covariance + second) / (variances + second)))


_smoothed = partial(gaussian_filter, sigma=SIGMA, mode="nearest", radius=RADIUS)
