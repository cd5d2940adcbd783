"""Which of several methods no other one beats in several metrics at once: the front of distortion and perception."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lossbench.errors import UserError
from lossbench.statistics.bootstrap import Array, Interval
from lossbench.statistics.intervals import holm, interval
from lossbench.statistics.seed_noise import SeedNoise

LEVEL = 0.05
Place = Literal["on the front", "behind", "undecided"]
Scores = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Standing:
    """Where a method stands."""

    place: Place
    behind: tuple[str, ...]
    """Methods that are better in every metric, after Holm over the other methods."""
    not_told_apart: tuple[str, ...]
    """Methods from which it differs in no metric beyond the noise, one pair at a time."""


def front(
    scores: Scores,
    better: Mapping[str, Literal["up", "down"]],
    noise: Mapping[str, SeedNoise] | None = None,
    resamples: int = 10_000,
) -> dict[str, Standing]:
    """Return the standing of each method from its `scores`, {method: {metric: (seeds, images)}} of the same images.

    `better` says for each metric which way is better. A method is `behind` where some other one is better in every
    metric: an intersection of tests, so that a pair needs no adjustment, and Holm over the others. It is `on the front`
    where it is better than each other one in some metric: a union of tests, Bonferroni over the metrics, and none over
    the others since all must hold. Else it is `undecided`. Differences, their intervals and `noise`, which other runs
    lend of each metric, are those of `intervals.interval`; seeds are paired.

    Raises UserError as `intervals.interval`, and for fewer than two methods.
    """
    if len(scores) < 2:
        raise UserError(f"front: {len(scores)} methods; give two or more")
    chances = _chances(scores, better, noise or {}, resamples)
    return {method: _standing(method, [other for other in scores if other != method], chances) for method in scores}


def _chances(
    scores: Scores, better: Mapping[str, Literal["up", "down"]], noise: Mapping[str, SeedNoise], resamples: int
) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return of each ordered pair the one-sided p-values, a metric each, that the first is no better."""
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    methods = list(scores)
    for place, one in enumerate(methods):
        for other in methods[place + 1 :]:
            pairs = []
            for metric, way in better.items():
                difference = (scores[one][metric] - scores[other][metric]) * (1 if way == "up" else -1)
                pairs.append(_one_sided(interval([difference], resamples=resamples, noise=noise.get(metric))))
            found[one, other], found[other, one] = (tuple(each) for each in zip(*pairs, strict=True))
    return found


def _one_sided(found: Interval) -> tuple[float, float]:
    """Return the p-values that the difference is no more, and no less, than zero."""
    beyond = found.p_value / 2
    return (beyond, 1 - beyond) if found.estimate > 0 else (1 - beyond, beyond)


def _standing(method: str, others: list[str], chances: Mapping[tuple[str, str], tuple[float, ...]]) -> Standing:
    in_all = holm([max(chances[other, method]) for other in others])
    in_some = [min(1.0, len(each) * min(each)) for each in (chances[method, other] for other in others)]
    behind = tuple(other for other, p_value in zip(others, in_all, strict=True) if p_value < LEVEL)
    alike = tuple(other for other in others if min(*chances[method, other], *chances[other, method]) >= LEVEL / 2)
    place: Place = "behind" if behind else "on the front" if max(in_some) < LEVEL else "undecided"
    return Standing(place, behind, alike)
