"""One scene cut into train, val and test parts that never touch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Card, Dataset, Source, Splits
from lossbench.datasets._embedded import embedded_sources

Region = tuple[slice, slice]
"""Rows and columns."""

GAP = 16
"""Pixels between two splits of a small scene; neighbouring pixels resemble each other."""


Regions = dict[str, dict[str, Region]]
"""Of every split, by name."""


@dataclass(frozen=True)
class EmbeddedScene(Dataset):
    """One scene that ships inside a package, split into areas since there is one only."""

    card: Card
    file: str
    """Its catalogued path."""
    regions: Regions
    bands: Callable[[Path], NDArray[Any]]
    """Reads the file as (H, W, 4), integers of full range."""

    def locate(self, root: Path | None) -> Splits:
        """Return one picture a region; `root` is ignored.

        Raises UserError when the file is missing or its SHA-256 is not the catalogued one.
        """
        (scene,) = embedded_sources([self.file])
        return sources(scene, self.regions)

    def read(self, source: Source) -> NDArray[Any]:
        """Return the region `source` of the bands, (H, W, 4); raises UserError when the file is damaged."""
        return cut(self.bands(source.path), source.name, self.regions)


def grid(split: str, corner: tuple[int, int], tile: tuple[int, int], counts: tuple[int, int]) -> dict[str, Region]:
    """Return `counts` (rows, columns) tiles of the size `tile` from the upper left `corner` on, by name."""
    (top, left), (height, width), (rows, columns) = corner, tile, counts
    return {
        f"{split}_{row:02d}_{column:02d}": (
            slice(top + row * height, top + (row + 1) * height),
            slice(left + column * width, left + (column + 1) * width),
        )
        for row in range(rows)
        for column in range(columns)
    }


def small_scene(height: int, width: int) -> Regions:
    """Return the regions of each split of a scene of some hundred pixels.

    The right 30 % are 8 test pictures, the lower 22 % of the rest are 2 val pictures, what remains but for gaps of
    `GAP` pixels is one train picture. Sides of test and val pictures are multiples of 8, the train picture's of 4.
    """
    test = (height // 4 // 8 * 8, int(width * 0.15) // 8 * 8)
    right = width - 2 * test[1]
    below = height - int(height * 0.22) // 8 * 8
    val = (height - below, (right - GAP) // 2 // 8 * 8)
    train = ((below - GAP) // 4 * 4, (right - GAP) // 4 * 4)
    return {
        "train": grid("train", (0, 0), train, (1, 1)),
        "val": grid("val", (below, 0), val, (1, 2)),
        "test": grid("test", (0, right), test, (4, 2)),
    }


def sources(scene: Source, regions: Regions) -> Splits:
    """Return one source a region of `scene`, sorted by name in each split, with its place in the grid of the split."""
    return {
        split: [
            Source(name, scene.path, scene.licence, scene.sha256, place=_place(named, name)) for name in sorted(named)
        ]
        for split, named in regions.items()
    }


def _place(named: dict[str, Region], name: str) -> tuple[int, int]:
    rows, columns = (sorted({region[axis].start for region in named.values()}) for axis in (0, 1))
    return rows.index(named[name][0].start), columns.index(named[name][1].start)


def cut(pixels: NDArray[Any], name: str, regions: Regions, finer: int = 1) -> NDArray[Any]:
    """Return the region `name` of (H, W, bands), whose grid is `finer` times that of the regions."""
    ((rows, columns),) = (named[name] for named in regions.values() if name in named)
    part = pixels[rows.start * finer : rows.stop * finer, columns.start * finer : columns.stop * finer]
    return np.ascontiguousarray(part)
