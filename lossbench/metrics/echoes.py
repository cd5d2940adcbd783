"""Echoes: the contrast of the strongest shifted copy of the target's edges."""

from functools import partial

from lossbench.metrics import _artefacts
from lossbench.metrics._protocol import Better, Colour, Over

better: Better = "down"
unit = "%"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: impulse response from target to residual at 4 to 24 pixels (metrics/_artefacts.py)"
OVER: Over = "picture"
EXACT_LUMA = True

score = partial(_artefacts.score, "echoes", _artefacts.echoes)
"""The contrast of the strongest echo in per cent; see `_artefacts.score` and `_artefacts.echoes`."""
