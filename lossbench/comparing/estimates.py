"""By how much a folder is better than another in a metric, with an interval and a word."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.statistics.comparison import Comparison, Paired, compared, improved, infinite
from lossbench.statistics.intervals import equivalent, holm, interval
from lossbench.statistics.verdicts import verdict

Floats = NDArray[np.float64]
LEVEL = 0.95
"""Of the intervals; a direction or an equivalence needs a p-value below 1 - LEVEL after Holm over all comparisons."""


@dataclass(frozen=True)
class Estimate:
    """One folder against the reference in one metric; differences are folder less reference, in the metric's unit."""

    metric: str
    folder: str
    reference: str
    better: str
    """`up` where higher is better, `down` where lower is."""
    mean: float
    """Of the folder, over its pictures and seeds; infinite where a picture's is."""
    reference_mean: float
    seeds: int
    margin: float | None = None
    """The difference that matters, where one was given."""
    difference: float = math.nan
    low: float = math.nan
    """End of the interval at `LEVEL`."""
    high: float = math.nan
    share: float = math.nan
    """On how many of the pictures the folder is better, the mean over the seeds taken of each; in 0..1."""
    pictures: int = 0
    """With a finite difference, which the interval is of."""
    p_value: float = math.nan
    """Two-sided, that there is no difference; NaN where the interval holds for one run alone."""
    p_holm: float = math.nan
    """The same after Holm over all comparisons made at once, as the other p-values are too."""
    p_equivalent: float = math.nan
    """That the difference is as large as the margin, in either direction (two one-sided tests)."""
    p_beyond: float = math.nan
    """Two-sided, that the difference is no larger than the margin."""
    verdict: str = "not judged"
    """See `_judged`."""
    direction: str | None = None
    """`better` or `worse` where the verdict says so."""
    covers_seeds: bool = False
    """Whether the interval holds for other seeds, not only for other pictures."""
    method: str = ""
    """What is resampled."""
    note: str = ""
    """Which pictures the interval leaves out."""


def minus(ours: Floats, theirs: Floats) -> Floats:
    """Return the difference; equal infinities differ by nothing, since both restore the picture perfectly."""
    with np.errstate(invalid="ignore"):
        return np.where(ours == theirs, 0.0, ours - theirs)


def estimates(
    scores: Mapping[str, Mapping[str, Floats]],
    reference: str,
    better: Mapping[str, str],
    margins: Mapping[str, float] | None = None,
    names: Sequence[str] | None = None,
    done: Callable[[int], None] | None = None,
) -> list[Estimate]:
    """Compare every folder with `reference` in every metric.

    `scores` holds (seeds, pictures) by metric and folder: the same pictures and seeds in all, which are paired.
    `better` says by metric which direction is better, `up` or `down`, `margins` the difference that matters, in the
    metric's unit. `names` are those of the pictures. The same scores give the same numbers. Raises UserError for one
    picture under one seed, and for a margin that is not positive.
    """
    found: list[Estimate] = []
    for metric, by_folder in scores.items():
        for folder, ours in by_folder.items():
            if folder != reference:
                margin = (margins or {}).get(metric)
                means = float(np.mean(ours)), float(np.mean(by_folder[reference]))
                base = Estimate(metric, folder, reference, better[metric], *means, len(ours), margin)
                found.append(_estimated(base, ours, by_folder[reference], names))
                if done is not None:
                    done(len(found))
    holms = [holm([getattr(one, name) for one in found]) for name in ("p_value", "p_equivalent", "p_beyond")]
    adjusted = [
        replace(one, p_holm=p_holm, p_equivalent=p_equivalent, p_beyond=p_beyond)
        for one, p_holm, p_equivalent, p_beyond in zip(found, *holms, strict=True)
    ]
    return [_judged(one) for one in adjusted]


def _estimated(base: Estimate, ours: Floats, theirs: Floats, names: Sequence[str] | None) -> Estimate:
    """Return `base` with difference, interval and p-values of its own, not adjusted."""
    if ours.shape != theirs.shape:
        raise UserError(
            f"{base.folder}: scores of shape {ours.shape} in {base.metric}, {base.reference}: {theirs.shape}; give "
            "the same seeds and pictures"
        )
    if ours.size == 1:
        raise UserError(f"{base.folder} holds one picture; an interval needs two or more, or several seeds")
    # positive is better, whatever the metric
    sign = 1 if base.better == "up" else -1
    values = sign * minus(ours, theirs)
    known = tuple(names or map(str, range(values.shape[1])))
    paired = [Paired("", known, values)]
    found = compared(paired)
    if found is None:
        note = f"{infinite(paired)}, so that fewer than two have one: nothing can be said of its size"
        return replace(base, share=improved(paired), note=note)
    bounds = found.bounds
    low, high = sorted((sign * bounds.low, sign * bounds.high))
    result = replace(
        base,
        difference=sign * bounds.estimate,
        low=low,
        high=high,
        share=found.tests.improved,
        pictures=bounds.n_images,
        covers_seeds=bounds.covers_seeds,
        method=bounds.method,
        note=found.note,
        verdict=verdict(bounds, None, None).name,
        p_value=bounds.p_value if bounds.covers_seeds else math.nan,
    )
    return result if base.margin is None else _beside_margin(result, found, base.margin)


def _beside_margin(result: Estimate, found: Comparison, margin: float) -> Estimate:
    """Add the p-values about `margin`; one run says nothing of it."""
    tost = equivalent(found.finite, margin)
    if not result.covers_seeds:
        return result
    beyond = interval([one - math.copysign(margin, found.bounds.estimate) for one in found.finite])
    # on the near side of the margin nothing speaks for a larger difference
    outside = abs(found.bounds.estimate) > margin
    return replace(result, p_equivalent=tost, p_beyond=beyond.p_value if outside else 1.0)


def _judged(one: Estimate) -> Estimate:
    """Return `one` with its verdict, the first of these whose condition holds.

    | p-values after Holm                                   | verdict                          |
    | ----------------------------------------------------- | -------------------------------- |
    | the interval is of one run and above, below 0         | higher in one run, lower ...     |
    | beyond the margin                                     | better by more than the margin   |
    | a difference, and within the margin                   | better by less than the margin   |
    | a difference                                          | better                           |
    | within the margin                                     | equivalent                       |
    | else                                                  | undecided                        |

    "Worse" in the place of "better" where the difference is against the folder. Higher and lower are the numbers', so
    that a lower NIQE is not called higher.
    """
    if math.isnan(one.difference):
        return one
    favoured = (one.difference > 0) == (one.better == "up")
    if not one.covers_seeds:
        words = {"higher in one run": "lower in one run", "lower in one run": "higher in one run"}
        return one if one.better == "up" else replace(one, verdict=words.get(one.verdict, one.verdict))
    side, largest = "better" if favoured else "worse", 1 - LEVEL
    within = one.p_equivalent < largest
    if one.p_beyond < largest:
        return replace(one, verdict=f"{side} by more than the margin", direction=side)
    if one.p_holm < largest and one.difference:
        return replace(one, verdict=f"{side} by less than the margin" if within else side, direction=side)
    return replace(one, verdict="equivalent" if within else "undecided")
