"""Grid: how far periodic patterns of 2, 4 or 8 pixels stand above the rest of the residual's spectrum."""

from functools import partial

from lossbench.metrics import _artefacts
from lossbench.metrics._protocol import Better, Colour, Over

better: Better = "down"
unit = "dB"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: line over background of the residual's spectrum, blur taken out (metrics/_artefacts.py)"
OVER: Over = "picture"
EXACT_LUMA = True

score = partial(_artefacts.score, "grid", _artefacts.grid)
"""The excess of the strongest line of period 2, 4 or 8 in dB; see `_artefacts.score` and `_artefacts.grid`."""
