"""The noise of seeds that one comparison of a table is lent: by the reference loss's further runs, and by other losses.

A loss lends the deviation of its paired differences to the reference loss; one whose runs lie far further apart than
the others', since some of them collapsed, lends nothing and is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lossbench.statistics import seed_noise
from lossbench.statistics.seed_noise import SeedNoise
from pipeline.outputs.scores import Floats, paired, signs
from pipeline.specs.tabulate import TabulateSpec

_Place = tuple[str, str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Lent:
    """What other runs say of the noise of one comparison."""

    noise: SeedNoise | None
    note: str
    """Which losses lend nothing since their runs lie too far apart; empty where all lend."""


@dataclass
class Lender:
    """The runs of a table that tell of its noise of seeds."""

    table: TabulateSpec
    scores: pd.DataFrame
    """Of the cells that are compared, a row a cell, image and metric."""
    further: pd.DataFrame
    """Of the reference loss's further runs; empty where the scale has none."""
    _kept: dict[_Place, tuple[dict[str, Floats], Floats | None]] = field(default_factory=dict)

    def lent(
        self, metric: str, loss: str, other: str, columns: Sequence[str], networks: Sequence[str], against: str = ""
    ) -> Lent:
        """Return the noise of the difference of `loss` and `other` in `metric`, or in `metric` less `against`.

        None where one seed is all there is.
        """
        place = (metric, against, tuple(columns), tuple(networks))
        if place not in self._kept:
            self._kept[place] = self._deviations(*place)
        differences, runs = self._kept[place]
        own = {loss, other} - {self.table.reference_loss}
        # a difference to the reference counts as its own, that of two other losses is neither's
        lenders = {name: each for name, each in differences.items() if own != {name}}
        lending, note = _alike(lenders)
        noises = [seed_noise.pooled(list(lending.values()))] if lending else []
        noises += [seed_noise.borrowed(runs)] if runs is not None else []
        return Lent(seed_noise.combined(noises) if noises else None, note)

    def _deviations(
        self, metric: str, against: str, columns: tuple[str, ...], networks: tuple[str, ...]
    ) -> tuple[dict[str, Floats], Floats | None]:
        """Return each loss's differences to the reference (1, seeds), and the reference's own runs (1, runs)."""
        reference = self.table.reference_loss
        no_lenders = (reference, self.table.again, *self.table.answers)
        losses = [name for name in self.table.losses if name not in no_lenders]
        found = {
            name: self._by_seed(self.scores, metric, against, name, reference, columns, networks) for name in losses
        }
        differences = {name: each for name, each in found.items() if each is not None and each.shape[1] > 1}
        if self.further.empty:
            return differences, None
        both = pd.concat([self.scores[self.scores["loss"] == reference], self.further], ignore_index=True)
        runs = self._by_seed(both, metric, against, reference, None, columns, networks)
        return differences, runs if runs is not None and runs.shape[1] > 1 else None

    def _by_seed(
        self,
        scores: pd.DataFrame,
        metric: str,
        against: str,
        loss: str,
        other: str | None,
        columns: tuple[str, ...],
        networks: tuple[str, ...],
    ) -> Floats | None:
        """Return the mean over sets of the set means of each seed (1, seeds); None where a cell is missing."""
        sign = signs(self.table)
        place = (loss, other, columns, networks, self.table.blank)
        sets = [sign.get(metric, 1) * one.values for one in paired(scores, metric, *place)]
        if against:
            others = paired(scores, against, *place)
            if len(others) != len(sets):
                return None
            # infinities of two metrics can't be weighed against each other
            with np.errstate(invalid="ignore"):
                sets = [mine - sign.get(against, 1) * one.values for mine, one in zip(sets, others, strict=True)]
        finite = [one[:, np.isfinite(one).all(axis=0)] for one in sets]
        finite = [one for one in finite if one.shape[1]]
        return np.mean([one.mean(axis=1) for one in finite], axis=0)[None] if finite else None


def _alike(differences: dict[str, Floats]) -> tuple[dict[str, Floats], str]:
    """Return those losses whose runs lie no further apart than the others', and words on the rest."""
    kept = dict(differences)
    left: list[str] = []
    for name in sorted(kept, key=lambda name: -float(kept[name].var())):
        others = [each for other, each in kept.items() if other != name]
        if len(others) < 1:
            break
        lent, own = seed_noise.pooled(others), kept[name]
        if not seed_noise.apart(own.var(axis=1, ddof=1), own.shape[1] - 1, lent).all():
            break
        times = np.sqrt(float(own.var(ddof=1)) / max(float(lent.variance[0]), np.finfo(float).tiny))
        left.append(f"the runs of {name} lie {times:.3g} times as far apart as those of the other losses")
        del kept[name]
    return kept, "; ".join(left)
