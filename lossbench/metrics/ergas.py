"""ERGAS: the relative error of a pan-sharpened picture, as a percentage that allows for the ratio of resolutions."""

import numpy as np

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Wald, 'Quality of high resolution synthesised images', 2000: 100 / 4 sqrt(mean over bands of MSE / mean^2)"
OVER: Over = "picture"

RATIO = 4
"""Pixel size of the multispectral picture over that of the panchromatic one; 4 on every sensor of the tables."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the ERGAS of (C, H, W) in [0, 1], 0 for equal pictures and unbounded; any number of bands.

    The mean of a band is that of the target. Raises UserError as Protocol.apply, for luma and for a black target band.
    """
    if protocol.colour not in colours:
        raise UserError(f"ergas is not defined for the protocol '{protocol.colour}'; use 'rgb', which takes all bands")
    ours, theirs = protocol.pair(prediction, target)
    means = theirs.mean(axis=(1, 2))
    if not means.all():
        raise UserError(f"target: band {int(np.argmin(means))} is black, so that ergas has no scale; leave it out")
    errors = np.square(ours - theirs).mean(axis=(1, 2))
    return float(100 / RATIO * np.sqrt(np.mean(errors / means**2)))
