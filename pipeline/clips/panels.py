"""Versions of a clip beside each other under their labels: the frames of a video, of even sides."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Clip = NDArray[np.uint8]
"""(T, H, W, 3)."""

HEADER = 16
"""Height of the line with a panel's label."""
GAP = 4
LEAST = 128
"""Width of a panel at least, which has room for a label; smaller clips are enlarged by a whole factor."""
PAPER = 255
BLOCK = 16
"""What encoders cut frames into; of a part of a block they make up the rest."""


@dataclass(frozen=True)
class Grid:
    """Where the panels of some versions lie, in pixels, all of them even, so that no two share a pixel of colour."""

    count: int
    """Versions."""
    height: int
    """Of a frame."""
    width: int

    @property
    def zoom(self) -> int:
        """Return the factor by which frames are enlarged."""
        return enlarged(self.width)

    @property
    def columns(self) -> int:
        """Return how many panels a line has: as many as there are lines, or one more."""
        return math.ceil(math.sqrt(self.count))

    def place(self, index: int) -> tuple[int, int]:
        """Return top and left of a version's panel, below its label."""
        row, column = divmod(index, self.columns)
        return row * self._step(self.height, HEADER) + HEADER, column * self._step(self.width, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width of the whole, multiples of `BLOCK`."""
        rows = math.ceil(self.count / self.columns)
        height, width = rows * self._step(self.height, HEADER) - GAP, self.columns * self._step(self.width, 0) - GAP
        return math.ceil(height / BLOCK) * BLOCK, math.ceil(width / BLOCK) * BLOCK

    def _step(self, side: int, header: int) -> int:
        shown = side * self.zoom
        return shown + shown % 2 + header + GAP


def enlarged(width: int) -> int:
    """Return the whole factor by which frames of `width` are enlarged."""
    return max(1, math.ceil(LEAST / width))


def zoomed(frame: NDArray[np.uint8], zoom: int) -> NDArray[np.uint8]:
    """Return (H, W, 3) with each pixel `zoom` x `zoom` times."""
    return frame.repeat(zoom, axis=0).repeat(zoom, axis=1)


def side_by_side(versions: Mapping[str, Clip]) -> Iterator[NDArray[np.uint8]]:
    """Give the frames (H, W, 3) of all `versions`, clips of one size by their labels, beside each other."""
    frames, height, width, _ = next(iter(versions.values())).shape
    grid = Grid(len(versions), height, width)
    sheet = Image.new("RGB", grid.size[::-1], (PAPER,) * 3)
    draw = ImageDraw.Draw(sheet)
    for index, label in enumerate(versions):
        top, left = grid.place(index)
        draw.text((left + 2, top - HEADER + 2), label, fill="black")
    empty = np.asarray(sheet)
    for number in range(frames):
        filled = empty.copy()
        for index, clip in enumerate(versions.values()):
            top, left = grid.place(index)
            shown = zoomed(clip[number], grid.zoom)
            # an odd side leaves a line of paper
            filled[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
        yield filled
