"""How far two runs of one recipe lie apart: lent by other runs where a comparison has few seeds of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHARED = 0.25
"""Correlation of two variances of differences to one reference, whose runs both contain, under equal run noise."""
ALIKE = 0.99
"""Share of equally noisy losses whose own runs deviate so little more than the others' that these are believed."""


@dataclass(frozen=True)
class SeedNoise:
    """Variance (data sets,) of the difference of two single runs, with the degrees of freedom that it rests on."""

    variance: Array
    freedom: float


def borrowed(runs: Array) -> SeedNoise:
    """Return the noise of a difference, from `runs` (data sets, runs) of the reference loss alone, two or more.

    A run is the mean over the sets of its set means. The two losses of a difference count as equally noisy and as
    independent, which widens where a shared order of the data makes them alike.
    """
    return SeedNoise(2 * runs.var(axis=1, ddof=1), float(runs.shape[1] - 1))


def pooled(differences: Sequence[Array]) -> SeedNoise:
    """Return the noise of a difference from several losses' paired differences (data sets, seeds) to one reference.

    Its degrees of freedom are fewer than the sum, since all contain the reference's runs.
    """
    losses, seeds = len(differences), differences[0].shape[1]
    variance: Array = np.mean([each.var(axis=1, ddof=1) for each in differences], axis=0)
    return SeedNoise(variance, (seeds - 1) * losses / (1 + SHARED * (losses - 1)))


def combined(noises: Sequence[SeedNoise]) -> SeedNoise:
    """Return the mean of the variances, weighted by the degrees of freedom, which add up."""
    freedom = sum(noise.freedom for noise in noises)
    weighted = np.sum([noise.freedom * noise.variance for noise in noises], axis=0)
    return SeedNoise(weighted / freedom, freedom)


def apart(variance: Array, freedom: float, others: SeedNoise) -> NDArray[np.bool_]:
    """Return whether runs whose difference has `variance` deviate far more than `others` (F test): some collapsed."""
    from scipy.special import fdtri

    larger: NDArray[np.bool_] = variance > fdtri(freedom, others.freedom, ALIKE) * others.variance
    return larger
