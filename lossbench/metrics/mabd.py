"""Flicker of a clip: by how much its curve of brightness differences between frames leaves that of the target."""

import numpy as np

from lossbench.metrics import _clips
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("gray", "y601")
SOURCE = "Jiang & Zheng, 'Learning to See Moving Objects in the Dark', ICCV 2019: MSE of the two MABD vectors, 0..255"
OVER: Over = "clip"
FRAMES_AT_ONCE = 2
"""Frames in a row whose scores' mean is that of the clip, so that none is held whole."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean squared difference of the `curve`s of clips (T >= 2, 1 or 3, H, W) in [0, 1]; 0 or above.

    Luma is in 0..255, as in public code of it; divide by 255^2 to compare with code that takes [0, 1]. A constant bias
    of brightness is not seen. Raises UserError as Protocol.apply and for fewer than two frames.
    """
    ours, theirs = _clips.pairs(prediction, target, protocol, least=2)
    return float(np.square(curve(ours) - curve(theirs)).mean())


def curve(clip: Floats) -> Floats:
    """Return the mean absolute brightness difference (T - 1,) between neighbouring frames of (T, 1, H, W)."""
    difference: Floats = np.abs(np.diff(clip, axis=0)).mean(axis=(1, 2, 3))
    return difference
