"""What a table's numbers allow to say: paired intervals, tests beside them, and verdicts on published shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossbench.errors import UserError
from lossbench.statistics import bootstrap
from lossbench.statistics.bootstrap import Array, Interval
from lossbench.statistics.given import entries, numbers
from lossbench.statistics.neighbours import Layout
from lossbench.statistics.seed_noise import SeedNoise
from lossbench.statistics.verdicts import Verdict

MANY = 5000
"""Images of which all pairs are no longer listed."""
HALVINGS = 60
"""Of a range, after which a number in it is known to its last bits."""
_P_VALUES = "give a list of p-values, NaN for none"


@dataclass(frozen=True)
class Companions:
    """What is said beside an interval; `shift` in the metric's unit, the others are shares."""

    wilcoxon_p: float
    shift: float
    improved: float
    probability_over_seeds: float | None
    mcnemar_p: float | None
    """McNemar's exact test; None unless each image is right or wrong under either loss."""


@dataclass(frozen=True)
class SignClaim:
    """On which share of the images one loss beats another, with its 95 % interval; see `sign_claim`."""

    share: float
    low: float
    high: float
    p_value: float
    verdict: Verdict


@dataclass(frozen=True)
class Interaction:
    """How much lower the error rate is under the robust loss, by classifier, and the difference of the two."""

    on_robust: Interval
    on_plain: Interval
    interaction: Interval


def interval(
    differences: Sequence[NDArray[Any]],
    level: float = 0.95,
    resamples: int = 10_000,
    generator_seed: int = 0,
    noise: SeedNoise | None = None,
    layouts: Sequence[Layout | None] = (),
) -> Interval:
    """Return the mean over sets of the set means of paired differences, with its interval at `level`.

    `differences` holds one array (seeds, images) a set, oriented so that > 0 favours the claim. A set is a stratum
    whose images are its own; networks scored on the same images are one set: average their arrays first, or the
    interval is too short. Seeds are paired by data order and the same in all sets, and crossed with the images. The
    same input gives the same interval.

    Images are resampled within sets and the mean is studentised (bootstrap-t, no tail shorter than Student's t); the
    seeds add Student's t with their own standard error and with what other runs say of it, `noise` (docs/statistics.md
    has the coverage). With one seed and no `noise` the interval covers other images, not other seeds; with one image a
    set it covers seeds alone; `method` says so.
    `layouts` holds row and column of each image of a set of tiles of a scene, which resemble their neighbours and count
    by their effective number; None for a set of independent images.

    Raises UserError for no sets, arrays that aren't (seeds, images) or hold a value that isn't finite, sets with
    different numbers of seeds, and a single image with a single seed.
    """
    sets = _checked(differences)
    values_of = [one[None] for one in sets]
    estimate, values = bootstrap.draws(values_of, resamples, generator_seed, noise, layouts=layouts)
    tail = (1 - level) / 2
    low, high = np.quantile(values[0], [tail, 1 - tail], method="hazen")
    pooled = np.concatenate([one.mean(axis=0) for one in sets])
    return Interval(
        float(estimate[0]),
        float(low),
        float(high),
        float(pooled.mean()),
        len(pooled),
        len(sets[0]),
        _method(sets, resamples, noise, layouts),
        len(sets[0]) > 1 or noise is not None,
        two_sided(values[0]),
    )


def equivalent(
    differences: Sequence[NDArray[Any]],
    margin: float,
    resamples: int = 10_000,
    generator_seed: int = 0,
    noise: SeedNoise | None = None,
    layouts: Sequence[Layout | None] = (),
) -> float:
    """Return the p-value of two one-sided tests (TOST) that the mean difference lies within +-`margin`.

    It rests on the draws of `interval`: p < 0.05 exactly where the 90 % interval lies within the margin. The margin is
    half the published difference (Lakens 2017), in the metric's unit. Raises UserError as `interval`, and for a margin
    that isn't positive.
    """
    if not margin > 0:
        raise UserError(f"margin: {margin} is not positive; give half the published difference")
    sets = [one[None] for one in _checked(differences)]
    _, values = bootstrap.draws(sets, resamples, generator_seed, noise, layouts=layouts)
    outside = int(max(np.count_nonzero(values >= margin), np.count_nonzero(values <= -margin)))
    return (1 + outside) / (resamples + 1)


def companions(differences: Sequence[NDArray[Any]]) -> Companions:
    """Return what goes with an interval, from images averaged over seeds, all sets together.

    Two-sided Wilcoxon signed-rank test (zeros as Pratt 1959; p = 1 if all are zero), Hodges-Lehmann shift (median of
    the means of all pairs of images, each with itself too; of many images that next to it), share of images
    with a difference > 0, and P(X > Y) over the paired seeds (Bouthillier et al. 2021; ties count half; None for one
    seed). McNemar's test where two or more images differ by -d, 0 or d alone. Raises UserError as `interval`.
    """
    from scipy.stats import wilcoxon

    sets = _checked(differences)
    images = np.concatenate([one.mean(axis=0) for one in sets])
    p_value = float(wilcoxon(images, zero_method="pratt").pvalue) if images.any() else 1.0
    shift = _median_of_pairs(images)
    seeds = np.mean([one.mean(axis=1) for one in sets], axis=0)
    over_seeds = float(np.mean((seeds > 0) + 0.5 * (seeds == 0))) if len(seeds) > 1 else None
    binary = len(images) > 1 and len(np.unique(np.abs(images[images != 0]))) < 2
    exact = mcnemar(images < 0, images > 0) if binary else None
    return Companions(p_value, shift, float(np.mean(images > 0)), over_seeds, exact)


def _median_of_pairs(images: Array) -> float:
    """Return the median of the means of all pairs of `images`, each with itself too."""
    if len(images) <= MANY:
        first, second = np.triu_indices(len(images))
        return float(np.median((images[first] + images[second]) / 2))
    # their number grows with the square: halve the range until as many lie below as above
    ordered, pairs = np.sort(images), len(images) * (len(images) + 1) // 2
    low, high = float(ordered[0]), float(ordered[-1])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        ordered_pairs = int(np.searchsorted(ordered, 2 * middle - ordered, side="right").sum())
        below = (ordered_pairs + int(np.count_nonzero(ordered <= middle))) // 2
        low, high = (low, middle) if 2 * below >= pairs else (middle, high)
    return (low + high) / 2


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the number of claims (Holm 1979); NaN stays NaN and is no claim.

    Raises UserError for what is no list of numbers, and for a number that is not in [0, 1].
    """
    given = numbers(entries(p_values, "p_values", _P_VALUES), "p_values", _P_VALUES)
    if given.ndim != 1:
        raise UserError(f"p_values: shape {given.shape}; {_P_VALUES}")
    if len(beyond := given[(given < 0) | (given > 1)]):
        raise UserError(f"p_values: {beyond[0]:g} is not in [0, 1]; {_P_VALUES}")
    # NaN is sorted behind the numbers
    order = np.argsort(given)[: np.count_nonzero(~np.isnan(given))]
    adjusted = np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1))
    given[order] = np.minimum(adjusted, 1)
    return [float(value) for value in given]


def sign_claim(wins: int, n: int, published_wins: int, published_n: int) -> SignClaim:
    """Return the verdict on a claim such as "better on 99 of 100 images" (figure 10 of the log-cosh paper).

    `n` counts the images on which the two differ. Clopper-Pearson intervals at 95 % and the exact binomial test; the
    verdicts are those of `verdict`, with a share of one half for zero and the published share's interval for the
    published difference: "in size" if the two intervals meet and ours is shorter than the published share's distance to
    one half. Raises UserError for wins outside 0..n.
    """
    from scipy.stats import binomtest

    for name, part, whole in (("wins", wins, n), ("published_wins", published_wins, published_n)):
        if not 0 <= part <= whole or whole == 0:
            raise UserError(f"{name}: {part} of {whole}; count the images that differ, and the wins among them")
    (low, high), (least, most) = _clopper_pearson(wins, n), _clopper_pearson(published_wins, published_n)
    side = "more" if low > 0.5 else "fewer" if high < 0.5 else "neither more nor fewer"
    reason = f"better on {side} than half of the images"
    reason += f"; published {published_wins} of {published_n} is [{least:.4g}, {most:.4g}]"
    if high < 0.5:
        name = "contradicted"
    elif high < least:
        name = "confirmed, smaller" if low > 0.5 else "open, below the claim"
    elif low > 0.5:
        shorter = high - low < published_wins / published_n - 0.5
        name = "confirmed in size" if low <= most and shorter else "confirmed"
    else:
        name = "undecided"
    return SignClaim(wins / n, low, high, float(binomtest(wins, n).pvalue), Verdict(name, reason))


def mcnemar(first_wrong: ArrayLike, second_wrong: ArrayLike) -> float:
    """Return the exact two-sided p-value that two losses have the same error rate on the same images.

    Both are booleans (images,): whether the classifier is wrong. Raises UserError for different numbers of images.
    """
    from scipy.stats import binom

    first, second = np.asarray(first_wrong, dtype=bool), np.asarray(second_wrong, dtype=bool)
    if first.shape != second.shape or first.ndim != 1:
        raise UserError(f"mcnemar: shapes {first.shape} and {second.shape}; give the same images, one value each")
    alone = int(np.sum(first & ~second)), int(np.sum(~first & second))
    return min(1.0, 2 * float(binom.cdf(min(alone), sum(alone), 0.5)))


def interaction(
    robust_loss_robust_net: ArrayLike,
    plain_loss_robust_net: ArrayLike,
    robust_loss_plain_net: ArrayLike,
    plain_loss_plain_net: ArrayLike,
) -> Interaction:
    """Return whether the classifier inverts which loss is better (figure 1 of the robust-perceptual paper).

    Each is the errors (seeds, images) of one loss under one classifier, the same images in all. `on_robust` and
    `on_plain` are error of the plain loss - error of the robust loss, `interaction` the first less the second. The
    claim is `interaction` > 0; an inversion in the strict sense is `on_robust` > 0 and `on_plain` < 0. Raises UserError
    as `interval`.
    """
    given = (robust_loss_robust_net, plain_loss_robust_net, robust_loss_plain_net, plain_loss_plain_net)
    errors = [np.asarray(one, dtype=float) for one in given]
    if len({one.shape for one in errors}) > 1:
        raise UserError(f"interaction: shapes {[one.shape for one in errors]}; give the same seeds and images")
    on_robust, on_plain = errors[1] - errors[0], errors[3] - errors[2]
    return Interaction(interval([on_robust]), interval([on_plain]), interval([on_robust - on_plain]))


def _checked(differences: Sequence[NDArray[Any]]) -> list[Array]:
    if any(np.ma.is_masked(one) for one in differences):
        raise UserError("differences: some are masked; leave their images out everywhere")
    sets = [np.asarray(one, dtype=float) for one in differences]
    if not sets:
        raise UserError("differences: no sets; give an array (seeds, images) for each")
    for index, one in enumerate(sets):
        if one.ndim != 2 or one.size == 0:
            raise UserError(f"differences: set {index} has shape {one.shape}; give (seeds, images)")
        if not np.isfinite(one).all():
            raise UserError(f"differences: set {index} holds NaN or infinity; leave the image out everywhere")
    if len({len(one) for one in sets}) > 1:
        raise UserError(f"differences: sets have {[len(one) for one in sets]} seeds; give the seeds that all have")
    if len(sets[0]) == 1 and all(one.shape[1] == 1 for one in sets):
        raise UserError("differences: one image and one seed a set; an interval needs two of either")
    return sets


def two_sided(values: Array) -> float:
    """Return the p-value that a quantity with the draws `values` is zero."""
    beyond = int(min(np.count_nonzero(values <= 0), np.count_nonzero(values >= 0)))
    return min(1.0, 2 * (1 + beyond) / (len(values) + 1))


def _method(sets: list[Array], resamples: int, noise: SeedNoise | None, layouts: Sequence[Layout | None]) -> str:
    seeds, single = len(sets[0]), sum(one.shape[1] == 1 for one in sets)
    parts = []
    if single < len(sets):
        resampled = bootstrap.enough([one.shape[1] for one in sets if one.shape[1] > 1])
        images = f"images resampled within sets, {resamples} times, studentised"
        why = "tiles by their effective number" if any(layouts) else "too few to be resampled"
        parts += [images if resampled and not any(layouts) else f"Student's t over images, {why}"]
    if noise is not None:
        parts += [f"Student's t over {seeds} seed{'s' if seeds > 1 else ''} and the noise that other runs show"]
    else:
        parts += [f"Student's t over {seeds} seeds" if seeds > 1 else "one seed: seed noise is not covered"]
    parts += [f"one image in {single} of {len(sets)} sets: noise of images is not covered there"] if single else []
    return "; ".join(parts)


def _clopper_pearson(part: int, whole: int) -> tuple[float, float]:
    from scipy.stats import beta

    # the distributions are undefined at the ends
    low = 0.0 if part == 0 else float(beta.ppf(0.025, part, whole - part + 1))
    high = 1.0 if part == whole else float(beta.isf(0.025, part + 1, whole - part))
    return low, high
