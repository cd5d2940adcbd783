"""Grid: how far periodic patterns of 2, 4 or 8 pixels stand above the rest of the residual's spectrum."""

from __future__ import annotations

from lossbench.metrics import _artefacts
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = "dB"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: line over background of the residual's spectrum, blur taken out (metrics/_artefacts.py)"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the excess of the strongest line of period 2, 4 or 8 in dB, 0 for none; see `_artefacts.grid`.

    (3, H, W) in [0, 1] are compared as luma, after the best contrast and brightness are fitted. Raises UserError as
    Protocol.apply, and for pictures under 128x128 pixels after the crop.
    """
    ours, theirs = compared("grid", prediction, target, protocol, colours, _artefacts.SIDE)
    return _artefacts.grid(ours[0], theirs[0])
