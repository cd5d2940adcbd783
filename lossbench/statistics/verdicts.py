"""The rules by which a published claim or number is said to hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lossbench.statistics.bootstrap import Interval
from lossbench.statistics.sizes import Place

FLOORS = {
    "psnr": 0.05,
    "ssim": 0.001,
    **dict.fromkeys(("lpips", "r_lpips"), 0.005),
    "niqe": 0.1,
    **dict.fromkeys(("gmsd", "gmsd_full"), 0.002),
    "sam": 0.0005,
    "ergas": 0.02,
    **dict.fromkeys(("accuracy", "adversarial_accuracy", "untargeted_accuracy"), 0.5),
    **dict.fromkeys(("classification_error", "robust_error", "standard_error", "efficientnet_error"), 0.5),
}
"""Noise of conventions (crop, rounding, colour) by metric as tables name it, in its unit: dB, radians, and for
accuracies and errors points of per cent.

Judged, not measured: the spread between libraries that mean the same convention. A metric that isn't here has none.
"""


SLIGHT = 2
"""Times the published loss up to which a loss is called slight; chosen, since papers give no bound."""


@dataclass(frozen=True)
class Verdict:
    """One main verdict, and in words what else holds."""

    name: str
    reason: str


@dataclass(frozen=True)
class ValueVerdict:
    """Whether a published number lies in the prediction interval [low, high] around ours; `cv` in per cent."""

    name: str
    low: float | None
    high: float | None
    cv: float | None


def verdict(
    interval: Interval,
    published_difference: float | None,
    tost_p: float | None,
    level: float = 0.95,
    place: Place | None = None,
    sizes: bool = True,
) -> Verdict:
    """Return the verdict on one claim, the first of these whose condition holds; D is the published difference.

    | interval       | and                                  | verdict               |
    | -------------- | ------------------------------------ | --------------------- |
    | of one run     | above 0, below 0                     | higher in one run ... |
    | below 0        |                                      | contradicted          |
    | above 0        | no published size                    | confirmed             |
    | above 0        | below D                              | confirmed, smaller    |
    | above 0        | holds D, and is shorter than D       | confirmed in size     |
    | above 0        | else                                 | confirmed             |
    | holds 0        | no published size                    | undecided             |
    | holds 0        | TOST within D / 2 at 1 - level       | equivalent            |
    | holds 0        | below D                              | open, below the claim |
    | holds 0        | half of its width > D                | underpowered          |
    | holds 0        | holds D, half of its width <= D      | undecided             |

    An interval of one run is one that does not cover other seeds: it gives no direction. `place` says where the
    interval lies to D where D's own error is known (`sizes.place`); else D counts as exact. `reason` says what else
    holds. A published difference that is missing, NaN or not positive is no size, and so is every one where `sizes` is
    False, as at a reduced scale: the claim's direction alone is judged.
    """
    low, high = interval.low, interval.high
    size = published_difference if published_difference is not None and published_difference > 0 else None
    if not interval.covers_seeds:
        return _of_one_run(low, high)
    if not sizes:
        name, reasons = _named(low, high, None, None, within=False)
        return Verdict(name, "; ".join([*reasons, "sizes are not judged at a reduced scale"]))
    within = size is not None and tost_p is not None and tost_p < 1 - level
    if size is not None and place is None:
        place = "below" if high < size else "above" if low > size else "holds"
    name, reasons = _named(low, high, size, place, within)
    if within and name != "equivalent":
        reasons.append("the difference is within half of the published one")
    if size is not None and (high - low) / 2 > size and name != "underpowered":
        reasons.append("half of the interval's width is above the published difference")
    if published_difference is None or math.isnan(published_difference):
        reasons.append("no published size")
    elif size is None:
        reasons.append("the published numbers do not show the claim themselves")
    return Verdict(name, "; ".join(reasons))


def _of_one_run(low: float, high: float) -> Verdict:
    alone = "the seed's noise is not known: train further seeds, or lend the noise of others (noise_seeds)"
    if low > 0 or high < 0:
        side = "higher" if low > 0 else "lower"
        return Verdict(
            f"{side} in one run", f"the interval over pictures is {'above' if low > 0 else 'below'} 0; {alone}"
        )
    return Verdict("undecided", f"the interval over pictures holds 0; {alone}")


def _named(low: float, high: float, size: float | None, place: Place | None, within: bool) -> tuple[str, list[str]]:
    if high < 0:
        return "contradicted", ["the interval is below 0"]
    if low > 0:
        direction = "the interval is above 0"
        if size is None:
            return "confirmed", [direction]
        if place == "below":
            return "confirmed, smaller", [direction, "and below the published size"]
        if place == "above":
            return "confirmed", [direction, "and above the published size"]
        if high - low < size:
            return "confirmed in size", [direction, "holds the published size and is shorter than it"]
        return "confirmed", [direction, "and holds the published size, but is not shorter than it"]
    direction = "the interval holds 0"
    if size is None:
        return "undecided", [direction]
    if within:
        return "equivalent", [direction, "and the difference is within half of the published one"]
    if place == "below":
        return "open, below the claim", [direction, "which leaves the direction open, and is below the published size"]
    if (high - low) / 2 > size:
        return "underpowered", [direction, "and half of its width is above the published difference"]
    return "undecided", [direction, "and the published size"]


def slight_verdict(interval: Interval, published_difference: float | None) -> Verdict:
    """Return the verdict on a loss that is said to be slight: less than `SLIGHT` times the published one (negative).

    Confirmed where the whole interval lies above that bound (non-inferiority), contradicted where it lies below, else
    undecided; undecided too where no loss is published, and where the interval does not cover other seeds.
    """
    if not interval.covers_seeds:
        return Verdict("undecided", "the seed's noise is not known, so that one run says nothing of a bound")
    if published_difference is None or not published_difference < 0:
        return Verdict("undecided", "no published loss that would bound what is slight")
    bound = f"a loss of {SLIGHT} times the published one"
    if interval.low > SLIGHT * published_difference:
        return Verdict("confirmed", f"the interval is above {bound}")
    if interval.high < SLIGHT * published_difference:
        return Verdict("contradicted", f"the interval is below {bound}")
    return Verdict("undecided", f"the interval holds {bound}")


def value_verdict(
    values: Sequence[float],
    published: float,
    floor: float,
    published_runs: int,
    full_scale: bool,
    same_code: bool = False,
) -> ValueVerdict:
    """Return whether the published value is what our seeds predict for a mean over `published_runs` runs.

    `values` are the means of k seeds (mean m, deviation s). The published value p is inside if |m - p| <= max(floor,
    t(0.975, k - 1) s sqrt(1/k + 1/runs)): a prediction interval, since p has run noise too. Inside is "replicated", or
    "reproduced" with the paper's own code and data (ACM badging 1.1); else "outside". Below the paper's scale
    (`full_scale` False), with fewer than three seeds and of an infinite mean nothing is attempted. `cv` is CV* of
    {p, m} (Belz et al., ACL 2022), with the unbiased deviation; None where their mean is 0.
    """
    from scipy.special import stdtrit

    k = len(values)
    if not full_scale or k < 3:
        why = "reduced scale" if not full_scale else "fewer than 3 seeds"
        return ValueVerdict(f"not attempted ({why})", None, None, None)
    if not np.isfinite(values).all():
        return ValueVerdict("not attempted (infinite)", None, None, None)
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = max(floor, float(stdtrit(k - 1, 0.975)) * deviation * math.sqrt(1 / k + 1 / published_runs))
    name = "reproduced" if same_code else "replicated"
    # two equal decimals may differ in their last bit
    inside = abs(mean - published) <= half * (1 + 1e-9)
    return ValueVerdict(name if inside else "outside", mean - half, mean + half, _variation(mean, published))


def _variation(first: float, second: float) -> float | None:
    """Return CV* of two numbers in per cent."""
    middle = abs(first + second) / 2
    if middle == 0:
        return None
    # the deviation of two numbers is |difference| / sqrt(2), unbiased after division by c4(2) = sqrt(2 / pi)
    unbiased = abs(first - second) / math.sqrt(2) / math.sqrt(2 / math.pi)
    return (1 + 1 / 8) * unbiased / middle * 100
