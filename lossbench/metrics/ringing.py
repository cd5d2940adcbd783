"""Ringing: the amplitude of waves beside strong edges where the target is smooth."""

from functools import partial

from lossbench.metrics import _artefacts
from lossbench.metrics._protocol import Better, Colour, Over

better: Better = "down"
unit = "levels"
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "this project: mean products of the residual half and whole wavelengths apart (metrics/_artefacts.py)"
OVER: Over = "picture"
EXACT_LUMA = True

score = partial(_artefacts.score, "ringing", _artefacts.ringing)
"""The amplitude of the waves in levels of 0..255; see `_artefacts.score` and `_artefacts.ringing`."""
