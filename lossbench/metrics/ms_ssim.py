"""Structural similarity at five scales."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol
from lossbench.metrics._windows import gaussian, moments
from lossbench.metrics.gmsd import halved

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "Wang, Simoncelli, Bovik, 'Multiscale Structural Similarity', Asilomar 2003, equation 7"
OVER: Over = "picture"

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, the finest first."""
SIDE = 161
"""Pixels of which the window of 11 is left at the coarsest scale."""
FIRST, SECOND = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the MS-SSIM of (C, H, W) in [0, 1], 0 to 1, the mean over its bands; 1 for equal pictures; symmetric.

    Windows as in `ssim`. Between two scales the mean of 2x2 pixels is taken, and a side that is odd is continued by its
    last row, as in the author's MATLAB code (`imfilter`, symmetric). There pytorch-msssim's rows of zeros differ by
    0.01 and more under strong compression. A negative factor counts 0. Raises UserError as Protocol.apply, and for
    pictures under 161x161 pixels after the crop; the author's code wants 176.
    """
    ours, theirs = compared("ms_ssim", prediction, target, protocol, colours, SIDE)
    similarities = np.maximum(factors(ours, theirs), 0)
    return float(np.prod(similarities ** np.array(EXPONENTS)[:, None], axis=0).mean())


def factors(ours: Floats, theirs: Floats) -> Floats:
    """Return contrast and structure of every scale and band of (C, H, W), with luminance at the last: (5, C)."""
    window, similarities = gaussian(11, 1.5), []
    for scale in range(len(EXPONENTS)):
        if scale:
            ours, theirs = _halved(ours), _halved(theirs)
        similarities.append(_similarity(ours, theirs, window, with_luminance=scale == len(EXPONENTS) - 1))
    return np.stack(similarities)


def _similarity(ours: Floats, theirs: Floats, window: Floats, with_luminance: bool) -> Floats:
    """Return the contrast and structure of each band, (C,), times its luminance where asked for."""
    our_mean, their_mean, our_variance, their_variance, covariance = moments(ours, theirs, window)
    similarity = (2 * covariance + SECOND) / (our_variance + their_variance + SECOND)
    if with_luminance:
        similarity *= (2 * our_mean * their_mean + FIRST) / (our_mean**2 + their_mean**2 + FIRST)
    means: Floats = similarity.mean(axis=(1, 2))
    return means


def _halved(pixels: Floats) -> Floats:
    _, height, width = pixels.shape
    return halved(np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge"))
