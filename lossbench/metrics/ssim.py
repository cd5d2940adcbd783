"""Structural similarity of one picture, the mean over its bands."""

from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "Wang, Bovik, Sheikh, Simoncelli, 'Image Quality Assessment', IEEE TIP 13(4), 2004, equation 13"
OVER: Over = "picture"

WINDOW, SIGMA = 11, 1.5
"""Side of the Gaussian window and its standard deviation, in pixels."""
PEAK = 255


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean SSIM of (C, H, W) in [0, 1] over pixels and bands, at most 1; any number of bands.

    Population covariance, and only windows that lie inside the picture, as in the paper's code, without its later
    down-sampling. The range of values is 255 under every protocol, also for `y601`, whose values lie in 16..235.
    Raises UserError as Protocol.apply, and for pictures smaller than the window after the crop.
    """
    ours, theirs = protocol.pair(prediction, target)
    _, height, width = ours.shape
    if min(height, width) < WINDOW:
        raise UserError(
            f"prediction: {height}x{width} pixels after the crop are smaller than the {WINDOW}x{WINDOW} window of ssim;"
            " use larger pictures"
        )
    return float(np.mean([_similarity(*bands) for bands in zip(theirs, ours, strict=True)]))


def _similarity(theirs: Floats, ours: Floats) -> float:
    """Return the mean of equation 13 over all windows inside two bands (H, W)."""
    their_mean, our_mean = _smoothed(theirs), _smoothed(ours)
    their_variance = _smoothed(theirs * theirs) - their_mean * their_mean
    our_variance = _smoothed(ours * ours) - our_mean * our_mean
    covariance = _smoothed(theirs * ours) - their_mean * our_mean
    first, second = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    similarity = (2 * their_mean * our_mean + first) * (2 * covariance + second)
    similarity /= (their_mean**2 + our_mean**2 + first) * (their_variance + our_variance + second)
    radius = WINDOW // 2
    return float(similarity[radius:-radius, radius:-radius].mean())


_smoothed = partial(gaussian_filter, sigma=SIGMA, mode="reflect", radius=WINDOW // 2)
