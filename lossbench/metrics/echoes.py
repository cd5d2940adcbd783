"""Echoes: the contrast of the strongest shifted copy of the target's edges."""

from __future__ import annotations

from lossbench.metrics import _artefacts
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = "%"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: impulse response from target to residual at 4 to 24 pixels (metrics/_artefacts.py)"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the contrast of the strongest echo in per cent, 0 for none; see `_artefacts.echoes`.

    (3, H, W) in [0, 1] are compared as luma, after the best contrast and brightness are fitted. Raises UserError as
    Protocol.apply, and for pictures under 128x128 pixels after the crop.
    """
    ours, theirs = compared("echoes", prediction, target, protocol, colours, _artefacts.SIDE)
    return _artefacts.echoes(ours[0], theirs[0])
