"""Clips made of photographs that no task uses: a window that moves over each, in place of Kinetics."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lossbench.datasets import Dataset, Source, Splits, card, generic_photographs
from lossbench.datasets._clips import ClipSet, Frame

FRAMES = 16
SIDE = 112
"""Of the window, in pixels of the photograph."""
FASTEST = 4
"""Pixels that it moves between two frames at most, along each axis."""


class PannedPhotographs(ClipSet):
    """One clip a photograph."""

    card = card("panned_photographs")

    def locate(self, root: Path | None) -> Splits:
        """Return the photographs of `generic_photographs`; `root` is ignored. Raises UserError as that."""
        return generic_photographs.DATASET.locate(root)

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give `FRAMES` squares of `SIDE` pixels along a straight way, which the name of the photograph decides."""
        picture = generic_photographs.DATASET.read(source)
        digest = hashlib.sha256(source.name.encode()).digest()
        draws = np.random.default_rng(np.frombuffer(digest[:16], dtype="<u8"))
        room = np.array(picture.shape[:2]) - SIDE
        fastest = np.minimum(FASTEST, room // (FRAMES - 1))
        velocity = draws.integers(-fastest, fastest + 1)
        way = velocity * (FRAMES - 1)
        # where the whole way lies in the picture
        start = draws.integers(np.maximum(-way, 0), room - np.maximum(way, 0) + 1)
        for number in range(FRAMES):
            top, left = start + velocity * number
            yield picture[top : top + SIDE, left : left + SIDE]


DATASET: Dataset = PannedPhotographs()
