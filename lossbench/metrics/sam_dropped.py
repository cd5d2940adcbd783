"""Spectral angle over the pixels that have one: pixels that are black in either picture are left out."""

import numpy as np

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics.sam import angles

better: Better = "down"
unit = "rad"
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Yuhas, Goetz, Boardman, JPL 1992; zero pixels dropped (the rule of sewar 0.4.10)"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean angle in radians, 0 to pi/2, between the spectra of (C, H, W) in [0, 1] that are not black.

    `sam` counts pi/2 for each of the `zero_pixels` that are left out here. Raises UserError as `sam`, and when no pixel
    has an angle.
    """
    angle, black = angles(prediction, target, protocol)
    if black.all():
        raise UserError("target: every pixel is black in it or in the prediction, so that there is no angle; crop them")
    return float(angle[~black].mean())


def zero_pixels(prediction: Pixels, target: Pixels, protocol: Protocol) -> int:
    """Return how many pixels of (C, H, W) are black in one of the pictures or in both; raises UserError as `sam`."""
    return int(np.count_nonzero(angles(prediction, target, protocol)[1]))
