"""Artefacts in one number: grid, ringing and echoes, each relative to what blur and noise give at most."""

import math

from lossbench.metrics import _artefacts
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: root of the summed squares of grid, ringing and echoes over their ceilings"
OVER: Over = "picture"
EXACT_LUMA = True

CEILINGS = {"grid": 3.0, "ringing": 0.3, "echoes": 2.0}
"""What Gaussian blur of 1 to 3 pixels, bicubic x2 and x4 and noise of 5 to 25 levels stay below on twelve photographs.

In dB, levels and per cent.
"""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the measure of (1 or 3, H, W) in [0, 1], 0 for none; one artefact at its ceiling alone gives 1.

    Compared as luma after the best contrast and brightness are fitted; see `_artefacts` for the three parts. Raises
    UserError as Protocol.apply, and for pictures under 128x128 pixels after the crop.
    """
    ours, theirs = compared("artefacts", prediction, target, protocol, colours, _artefacts.SIDE, EXACT_LUMA)
    parts = {"grid": _artefacts.grid, "ringing": _artefacts.ringing, "echoes": _artefacts.echoes}
    return math.hypot(*(part(ours[0], theirs[0]) / CEILINGS[name] for name, part in parts.items()))
