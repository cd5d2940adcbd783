"""Spectral angle: by how much the spectra of prediction and target point in different directions."""

import math

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = "rad"
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Yuhas, Goetz, Boardman, 'Discrimination among semi-arid landscape endmembers', JPL 1992; zero pixels as pi/2"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean angle in radians, 0 to pi/2, between the spectra of (C, H, W) in [0, 1], pixel by pixel.

    A pixel that is black in one of the pictures, or in both, has no direction and counts pi/2: the rule of the code
    behind the published pan-sharpening tables. Other code leaves such pixels out, as `sam_dropped` does, and the two
    differ by a factor of five on pictures with black areas. Raises UserError as `angles`.
    """
    angle, black = angles(prediction, target, protocol)
    return float(np.where(black, math.pi / 2, angle).mean())


def angles(prediction: Pixels, target: Pixels, protocol: Protocol) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each pixel's angle (H, W) in radians, and which pixels have none: black in one of the pictures or in both.

    Raises UserError as Protocol.apply, for luma and for a single band.
    """
    if protocol.colour not in colours:
        raise UserError(f"sam is not defined for the protocol '{protocol.colour}'; use 'rgb', which takes all bands")
    ours, theirs = protocol.pair(prediction, target)
    if len(ours) < 2:
        raise UserError("prediction: a single band has no spectral angle; give two bands or more")
    our_length, their_length = (np.sqrt(np.square(spectra).sum(axis=0)) for spectra in (ours, theirs))
    # exact near zero, where the arc cosine of a rounded cosine loses half of its digits (Kahan)
    ours, theirs = ours * their_length, theirs * our_length
    across, along = (np.sqrt(np.square(spectra).sum(axis=0)) for spectra in (ours - theirs, ours + theirs))
    return 2 * np.arctan2(across, along), (our_length == 0) | (their_length == 0)
