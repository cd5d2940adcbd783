"""Labelled photographs, and the many crops of each that a classifier sees."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.embedded import locate
from lossbench.datasets._embedded import EMBEDDED
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.resize import resize_bicubic

SIDE = 224
"""Height and width of a crop in pixels, divisible by 4 so that it can be reduced and enlarged again."""
SHORT_SIDES = (224, 256, 288, 320)
"""Sizes to which the short side of a photograph is brought before it is cut, in pixels."""
GRID = 3
"""Crops along each axis at each size, evenly spaced from border to border; where there is room for one, one."""

HELD_OUT = EMBEDDED[12:]
"""Those that no data set of the task super-resolution trains, validates or tests on."""


class Photograph(NamedTuple):
    """A picture (H, W, 3) of 8 bits, and which of ImageNet's classes 0..999 it shows."""

    name: str
    label: int
    pixels: NDArray[np.uint8]


class Crop(NamedTuple):
    """Pixels (224, 224, 3) of 8 bits, their class, and the name of the photograph that they are of."""

    pixels: NDArray[np.uint8]
    label: int
    photograph: str


def embedded_photographs(paths: Iterable[str] = HELD_OUT) -> Iterator[Photograph]:
    """Read embedded photographs one by one; raises UserError naming the first that is missing or altered."""
    for path in paths:
        yield Photograph(PurePath(path).stem, label_of(path), read_image(locate(path)))


def label_of(path: str) -> int:
    """Return the class in a name such as `imagenet_14_129.jpg`: 129. Raises UserError for any other name."""
    found = re.fullmatch(r"imagenet_\d+_(\d{1,3})", PurePath(path).stem)
    if not found:
        raise UserError(f"{path} names no class; call the file imagenet_<number>_<class 0 to 999>")
    return int(found[1])


def crops(
    photographs: Iterable[Photograph], short_sides: Iterable[int] = SHORT_SIDES, grid: int = GRID
) -> Iterator[Crop]:
    """Yield the crops of every photograph, always the same: sizes in the order given, rows from the top, left to right.

    Crops of one photograph overlap, so a statistic over crops has as many independent values as photographs. Raises
    UserError for a short side below 224 pixels and a grid below 1.
    """
    sizes = tuple(short_sides)
    if grid < 1 or min(sizes, default=0) < SIDE:
        raise UserError(
            f"short_sides {list(sizes)}, grid {grid}: give sides of {SIDE} px or more and a grid of 1 or more"
        )
    for photograph in photographs:
        for short_side in sizes:
            resized = _resized(photograph.pixels, short_side)
            height, width = resized.shape[:2]
            for top in _starts(height, grid):
                for left in _starts(width, grid):
                    yield Crop(resized[top : top + SIDE, left : left + SIDE], photograph.label, photograph.name)


def centre_crop(pixels: NDArray[np.uint8], short_side: int = SIDE) -> NDArray[np.uint8]:
    """Return the (224, 224, 3) pixels in the middle of (H, W, 3), brought to `short_side` pixels first."""
    resized = _resized(pixels, short_side)
    top, left = (_starts(length, 1)[0] for length in resized.shape[:2])
    return resized[top : top + SIDE, left : left + SIDE]


def _resized(pixels: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    shortest = min(pixels.shape[:2])
    height, width = (round(length * short_side / shortest) for length in pixels.shape[:2])
    resized: NDArray[np.uint8] = resize_bicubic(pixels, short_side / shortest, (height, width))
    return resized


def _starts(length: int, grid: int) -> list[int]:
    room = length - SIDE
    return [room // 2] if grid == 1 else sorted({round(room * i / (grid - 1)) for i in range(grid)})
