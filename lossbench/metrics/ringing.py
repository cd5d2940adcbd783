"""Ringing: the amplitude of waves beside strong edges where the target is smooth."""

from __future__ import annotations

from lossbench.metrics import _artefacts
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = "levels"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: mean products of the residual half and whole wavelengths apart (metrics/_artefacts.py)"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the amplitude of the waves in levels of 0..255, 0 for none; see `_artefacts.ringing`.

    (3, H, W) in [0, 1] are compared as luma, after the best contrast and brightness are fitted. Raises UserError as
    Protocol.apply, and for pictures under 128x128 pixels after the crop.
    """
    ours, theirs = compared("ringing", prediction, target, protocol, colours, _artefacts.SIDE)
    return _artefacts.ringing(ours[0], theirs[0])
