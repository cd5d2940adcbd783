"""Which of several methods no other one beats in several metrics at once: the front of distortion and perception."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from lossbench.errors import UserError, nearest, quoted
from lossbench.statistics.bootstrap import Array, Interval
from lossbench.statistics.given import check_amount, check_finite, checked_resamples, numbers
from lossbench.statistics.intervals import holm, interval
from lossbench.statistics.seed_noise import SeedNoise

LEVEL = 0.05
Place = Literal["on the front", "behind", "undecided"]
Scores = Mapping[str, Mapping[str, ArrayLike]]
WAYS = ("up", "down")
_FORM = "give numbers (seeds, images), or a list of them a seed"


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

    The numbers of a metric are an array or a list of lists, a list a seed. `better` says for each metric which way is
    better, `up` or `down`. A method is `behind` where some other one is better in every
    metric: an intersection of tests, so that a pair needs no adjustment, and Holm over the others. It is `on the front`
    where it is better than each other one in some metric: a union of tests, Bonferroni over the metrics, and none over
    the others since all must hold. Else it is `undecided`. Differences, their intervals and `noise`, which other runs
    lend of each metric, are those of `intervals.interval`; seeds are paired.

    Raises UserError naming method, metric and value: for fewer than two methods, a direction that is none, a metric
    without a direction or of which a method has no scores, seeds and images that are not those of the first method,
    a single number, what is no number, NaN and infinity, noise of no metric, and too few resamples.
    """
    _check_better(better)
    found = _checked(scores, better)
    for metric in noise or {}:
        if metric not in better:
            raise UserError(f"front: noise of '{metric}', of which there are no scores; {nearest(str(metric), better)}")
    chances = _chances(found, better, noise or {}, checked_resamples(resamples, 1 - LEVEL))
    return {method: _standing(method, [other for other in scores if other != method], chances) for method in scores}


def _check_better(better: Any) -> None:
    if not isinstance(better, Mapping) or not better:
        raise UserError(f"front: better = {quoted(better)} names no metric; give its direction: {{'psnr': 'up'}}")
    for metric, way in better.items():
        if not isinstance(way, str) or way not in WAYS:
            raise UserError(f"front: better of '{metric}' is {quoted(way)}; give 'up' or 'down'")


def _checked(scores: Any, better: Mapping[str, Any]) -> dict[str, dict[str, Array]]:
    """Return the scores of each method as arrays (seeds, images) of one shape, the metrics in the order of `better`."""
    if not isinstance(scores, Mapping):
        raise UserError(f"front: {quoted(scores)} holds no methods; give {{method: {{metric: (seeds, images)}}}}")
    if len(scores) < 2:
        raise UserError(f"front: {len(scores)} methods; give two or more")
    first, found = "", dict[str, dict[str, Array]]()
    shape: tuple[int, ...] = ()
    for method, given in scores.items():
        if not isinstance(given, Mapping):
            raise UserError(f"front: '{method}': {quoted(given)} holds no metrics; give {{metric: (seeds, images)}}")
        for metric in given:
            if metric not in better:
                raise UserError(
                    f"front: '{method}' has '{metric}', of which better says no direction; give it, or leave the "
                    f"scores out; {nearest(str(metric), better)}"
                )
        for metric in better:
            owner = f"front: '{metric}' of '{method}'"
            if metric not in given:
                raise UserError(f"{owner} is missing; {_FORM}, or leave it out of better")
            values = numbers(given[metric], owner, _FORM)
            if values.ndim != 2 or not values.size:
                raise UserError(f"{owner} has shape {values.shape}; {_FORM}")
            check_finite(values, owner)
            check_amount(float(np.abs(values).max()), owner)
            first, shape = first or owner, shape or values.shape
            if values.shape != shape:
                other = first.removeprefix("front: ")
                raise UserError(
                    f"{owner} has shape {values.shape}, {other} has {shape}; give the same seeds and images of all"
                )
            if values.size == 1:
                raise UserError(f"{owner} is one number; give two or more images, or seeds")
            found.setdefault(method, {})[metric] = values
    return found


def _chances(
    scores: Mapping[str, Mapping[str, Array]],
    better: Mapping[str, Literal["up", "down"]],
    noise: Mapping[str, SeedNoise],
    resamples: int,
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
