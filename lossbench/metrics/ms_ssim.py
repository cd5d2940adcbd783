"""Structural similarity at five scales."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol
from lossbench.metrics._similarity import similarity
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
    similarities = []
    for scale in range(len(EXPONENTS)):
        if scale:
            ours, theirs = _halved(ours), _halved(theirs)
        similarities.append(similarity(ours, theirs, with_luminance=scale == len(EXPONENTS) - 1))
    return np.stack(similarities)


def _halved(pixels: Floats) -> Floats:
    _, height, width = pixels.shape
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return halved(pixels)
