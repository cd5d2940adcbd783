"""How far our order of a column's rows is the published one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lossbench.statistics.bootstrap import Array

EXACT_ROWS = 8
"""Rows up to which tied rankings are compared with every permutation; from there with `PERMUTATIONS` drawn ones."""
PERMUTATIONS = 100_000


@dataclass(frozen=True)
class Shape:
    """How far our order of the rows is the published one; see `shape`."""

    tau: float
    p_value: float
    pairs_kept: int
    pairs: int
    same_winner: bool
    n: int


def shape(ours: Sequence[float], published: Sequence[float], better: Literal["up", "down"]) -> Shape | None:
    """Return how far the rows of one column keep the published order; None where there is nothing to compare.

    Kendall's tau-b with the exact two-sided p-value; with ties a permutation test, of all orders for up to `EXACT_ROWS`
    rows. `pairs` counts the pairs that the paper orders, `pairs_kept` those that we order likewise; the winner is the
    same if one of our best rows is one of the paper's. Rows with NaN are left out; nothing can be said of fewer than
    three rows, nor of rows that are all equal on one side.
    """
    from scipy.stats import kendalltau

    both = np.array([ours, published], dtype=float)
    both = both[:, np.isfinite(both).all(axis=0)]
    x, y = both if better == "up" else -both
    if len(x) < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        return None
    first, second = np.triu_indices(len(x), 1)
    order, expected = np.sign(x[first] - x[second]), np.sign(y[first] - y[second])
    tied = len(set(x)) < len(x) or len(set(y)) < len(y)
    p_value = _permuted(x, expected) if tied else float(kendalltau(x, y, method="exact").pvalue)
    winner = bool(((x == x.max()) & (y == y.max())).any())
    kept = int(((order == expected) & (expected != 0)).sum())
    return Shape(float(kendalltau(x, y).statistic), p_value, kept, int((expected != 0).sum()), winner, len(x))


def _permuted(x: Array, expected: Array) -> float:
    """Return the permutation p-value of the concordance of x with the signs `expected` of the other's pairs."""
    from scipy.stats import permutation_test

    first, second = np.triu_indices(len(x), 1)

    def concordance(values: Array, axis: int = -1) -> Array:
        values = np.moveaxis(values, axis, -1)
        return np.asarray(np.sign(values[..., first] - values[..., second]) @ expected)

    count = math.factorial(len(x)) if len(x) <= EXACT_ROWS else PERMUTATIONS
    found = permutation_test(
        (x,),
        concordance,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=count,
        batch=10_000,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
