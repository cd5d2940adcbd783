"""Where our difference lies to a published one, which has errors of its own: the runs behind it and its rounding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lossbench.statistics import bootstrap
from lossbench.statistics.bootstrap import Array
from lossbench.statistics.neighbours import Layout
from lossbench.statistics.seed_noise import SeedNoise

Place = Literal["below", "holds", "above"]
"""Of an interval to a number."""


@dataclass(frozen=True)
class PublishedSize:
    """A published difference: the mean over `cells` of differences of two printed numbers."""

    difference: float
    """In the metric's unit, oriented as the claim."""
    step: float = 0.0
    """Of the last printed digit."""
    cells: int = 1
    runs: int = 1
    """Trainings behind each number."""


def place(
    differences: Sequence[Array],
    size: PublishedSize,
    noise: SeedNoise | None = None,
    layouts: Sequence[Layout | None] = (),
    level: float = 0.95,
    resamples: int = 10_000,
    generator_seed: int = 0,
) -> Place:
    """Return where the mean over sets of the set means lies to `size`, at `level`.

    `differences` as of `intervals.interval`. The published runs err as ours do, under the same noise of seeds; the
    images are taken to be the same. Rounding errs by the sum of two uniform errors a cell, here a normal of their
    variance.
    """
    from scipy.special import ndtri

    sets = [np.asarray(one, dtype=float)[None] for one in differences]
    _, values = bootstrap.draws(sets, resamples, generator_seed, noise, size.runs, layouts)
    levels = (np.arange(resamples) + 0.5) / resamples
    rounding = size.step / np.sqrt(6 * size.cells) * ndtri(levels)
    apart = values[0] - size.difference + np.random.default_rng(generator_seed + 1).permutation(rounding)
    low, high = np.quantile(apart, [(1 - level) / 2, (1 + level) / 2], method="hazen")
    return "below" if high < 0 else "above" if low > 0 else "holds"
