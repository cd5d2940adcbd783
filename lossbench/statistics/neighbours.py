"""The standard error of a mean over tiles of one scene, which resemble their neighbours. docs/statistics.md says more.

Tiles count as values of an exponential field: two at a distance of d tiles correlate by exp(-d / range). The range is
what makes Moran's I of the tiles the expected one, and at least `LEAST`, since few tiles hardly show it.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Layout = tuple[tuple[int, int], ...]
"""Row and column of each tile, counted in tiles; those of different scenes lie more than `APART` from each other."""

LEAST = 1.0
"""Least range in tiles, at which neighbours correlate by 0.37; near the lowest that was measured."""
LONGEST = 6.0
"""Longest range that is looked for, in tiles; above it a scene of some tiles is hardly more than one value."""
APART = 1000
"""Tiles from which on two have nothing to do with each other."""
_RANGES = np.geomspace(LEAST, LONGEST, 24)


def on_a_square(count: int) -> Layout:
    """Return the layout of tiles in their order, row by row on a square: the guess where nobody says how they lie."""
    columns = int(np.ceil(np.sqrt(count)))
    return tuple(divmod(index, columns) for index in range(count))


def widened(means: Sequence[Array], layouts: Sequence[Layout | None]) -> tuple[Array, Array]:
    """Return standard error and degrees of freedom (data sets,) of the mean over sets of the set means.

    Each of `means` is (data sets, images); its layout is None where the images are independent. Degrees of freedom are
    Satterthwaite's. Sets of one image add nothing.
    """
    total = np.zeros(len(means[0]))
    per_freedom = np.zeros_like(total)
    for one, layout in zip(means, layouts, strict=True):
        count = one.shape[1]
        if count < 2:
            continue
        variance, freedom = one.var(axis=1, ddof=1) / count, np.full(len(one), count - 1.0)
        if layout is not None:
            expected, factors, freedoms = _field(layout)
            found = morans_i(one, layout)
            variance = variance * np.interp(found, expected, factors)
            freedom = np.interp(found, expected, freedoms)
        total += variance / len(means) ** 2
        per_freedom += np.square(variance / len(means) ** 2) / freedom
    flat = total <= 0
    freedom = np.square(total) / np.where(flat, 1.0, per_freedom)
    return np.sqrt(total), np.where(flat, 1.0, freedom)


def morans_i(values: Array, layout: Layout) -> Array:
    """Return Moran's I (data sets,) of `values` (data sets, tiles): how far tiles that share a side are alike.

    -1 / (tiles - 1) is expected of tiles without anything in common. 0 where no two share a side, or all are equal.
    """
    beside = _distances(layout, 1) == 1
    centred = values - values.mean(axis=1, keepdims=True)
    square = np.square(centred).sum(axis=1)
    product = np.einsum("si,si->s", centred, centred @ beside.astype(float))
    possible = (square > 0) & bool(beside.any())
    return np.where(possible, len(layout) * product / (max(beside.sum(), 1) * np.where(possible, square, 1.0)), 0.0)


@lru_cache(maxsize=64)
def _field(layout: Layout) -> tuple[Array, Array, Array]:
    """Return for rising ranges the expected Moran's I, variance of the mean over s^2 / n, and degrees of freedom."""
    n, distance, beside = len(layout), _distances(layout, 2), (_distances(layout, 1) == 1).astype(float)
    neighbours = beside.sum(axis=1)
    rows = []
    for length in _RANGES:
        correlation = np.exp(-distance / length) * (distance < APART)
        sums = correlation.sum(axis=1)
        whole = sums.sum()
        # traces of products with the matrix that takes the mean off
        spread = n - whole / n
        product = (correlation * beside).sum() - 2 * (sums @ neighbours) / n + whole * neighbours.sum() / n**2
        square = np.square(correlation).sum() - 2 * (sums @ sums) / n + whole**2 / n**2
        moran = n / max(neighbours.sum(), 1) * product / spread
        rows.append((moran, whole / n * (n - 1) / spread, spread**2 / square))
    moran, factor, freedom = np.array(rows).T
    # in small scenes it falls again at long ranges, which can't be told from short ones
    return np.maximum.accumulate(moran), factor, freedom


def _distances(layout: Layout, order: int) -> Array:
    place = np.array(layout, dtype=float)
    apart = np.abs(place[:, None] - place[None])
    return np.asarray(np.linalg.norm(apart, axis=-1, ord=order))
