"""Draws of a mean over images and seeds: images are resampled and studentised, seeds follow Student's t.

All functions take many data sets at once (first axis), so that coverage can be simulated with the code that is used.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossbench.statistics.neighbours import Layout, widened
from lossbench.statistics.seed_noise import SeedNoise, apart

Array = NDArray[np.float64]

DEGENERATE = 0.002
"""Largest share of resamples without spread with which images are resampled; a single set meets it from 5 images."""
FLAT = 0.01
"""Largest share of resamples without spread that the images themselves may give: where most differences are equal,
as of right and wrong answers, resamples without the others are many and say nothing of them."""
FEW = 5
"""Where noise is lent, the images' error is widened by 1 + FEW / images: few of them do not show it. Chosen by
simulation of log-normal images, whose false directions it keeps at 5 % (benchmarks/false_directions.py)."""
OVERLAP = 0.7
"""Share of the added up degrees of freedom that own and lent noise are worth: the reference's runs are in both."""
_CHUNK = 2**22
"""Resampled images at a time; bounds the memory."""
_ROUNDING = 1e-12
"""Standard errors below this share of the largest difference are rounding of equal numbers."""


@dataclass(frozen=True)
class Interval:
    """A mean difference with its interval; all in the metric's unit."""

    estimate: float
    """Mean over sets of the set means."""
    low: float
    high: float
    pooled: float
    """Mean over all images, whatever set they are from."""
    n_images: int
    n_seeds: int
    method: str
    """What is resampled, and which noise the interval does not cover."""
    covers_seeds: bool = True
    """Whether it holds for other seeds; of one run without the noise of others it does not."""
    p_value: float = math.nan
    """Two-sided, that the mean difference is zero, from the draws that the interval lies between."""


def draws(
    sets: Sequence[Array],
    resamples: int,
    generator_seed: int,
    noise: SeedNoise | None = None,
    published_runs: int | None = None,
    layouts: Sequence[Layout | None] = (),
) -> tuple[Array, Array]:
    """Return estimates (data sets,) and draws (data sets, resamples) of the mean over `sets` of the set means.

    Each of `sets` is (data sets, seeds, images); the interval at a level lies between the quantiles of the draws. A
    draw is the estimate less an error of the images and an error of the seeds (a convolution of two pivots, as in the
    Behrens-Fisher problem). The seeds' error is their standard error times a draw of Student's t; what other runs say
    of it (`noise`) is weighed in by its degrees of freedom, unless the sets' own runs deviate far more; the images'
    error then also allows for images that are skewed more than so few show. With `published_runs` the draws are of the
    distance to a published mean over so many runs, which err as ours do. `layouts` says how the images of each set lie
    beside each other in a scene, None where they are independent; the images' error is then that of `widened` times a
    draw of Student's t.
    """
    from scipy.special import stdtrit

    generator = np.random.default_rng(generator_seed)
    estimate = np.mean([one.mean(axis=(1, 2)) for one in sets], axis=0)
    by_seeds, by_images = standard_errors(sets)
    # stratified, so that a t interval comes out exactly where images add nothing
    levels = (np.arange(resamples) + 0.5) / resamples
    means = [one.mean(axis=1) for one in sets]
    if any(layouts):
        by_images, freedom = widened(means, layouts)
        errors = by_images[:, None] * stdtrit(freedom[:, None], levels)
    else:
        errors = by_images[:, None] * _studentised(means, levels, generator)
    if noise is not None:
        errors = errors * (1 + FEW / np.mean([one.shape[1] for one in means]))
    seeds = sets[0].shape[1]
    variance, freedom = seed_variance(by_seeds, seeds, noise)
    if published_runs is not None:
        variance = variance * (1 + seeds / published_runs)
    order = generator.permutation(len(levels))
    # a data set may have its own degrees of freedom
    for each in np.unique(freedom[freedom > 0]):
        own = freedom == each
        errors[own] += np.sqrt(variance[own])[:, None] * stdtrit(each, levels)[order]
    return estimate, estimate[:, None] - errors


def seed_variance(by_seeds: Array, seeds: int, noise: SeedNoise | None) -> tuple[Array, Array]:
    """Return variance and degrees of freedom (data sets,) of the seeds' error of a mean over `seeds`; 0, 0 is unknown.

    `by_seeds` is the standard error that the seeds themselves show; see `draws` for `noise`.
    """
    own = np.square(by_seeds)
    freedom = np.full(len(own), float(seeds - 1))
    if noise is None:
        return own, freedom
    lent = noise.variance / seeds
    if seeds == 1:
        return lent, np.full(len(own), noise.freedom)
    total = freedom + noise.freedom
    variance = (freedom * own + noise.freedom * lent) / total
    total = OVERLAP * total
    alone = apart(own, seeds - 1, SeedNoise(lent, noise.freedom))
    return np.where(alone, own, variance), np.where(alone, freedom, total)


def standard_errors(sets: Sequence[Array]) -> tuple[Array, Array]:
    """Return the standard errors (data sets,) of the estimate that come from seeds and from images.

    Analysis of variance of the crossed design. The images' part holds the residual (seed x image); from the seeds' part
    the share (k - 2) / (k - 1) of the residual is taken off, not all of it: the seeds' mean square has few degrees of
    freedom, and would fall below the residual, to zero, too often. The seeds' part is the spread over seeds of the
    mean over sets, so it is right for a seed effect that sets share and for one that is drawn in each.
    """
    seeds = sets[0].shape[1]
    images = np.zeros(len(sets[0]))
    residual = np.zeros(len(sets[0]))
    for one in sets:
        n = one.shape[2]
        if n > 1:
            means = one.mean(axis=1)
            images += means.var(axis=1, ddof=1) / n / len(sets) ** 2
        if n > 1 and seeds > 1:
            rest = one - means[:, None] - one.mean(axis=2, keepdims=True) + one.mean(axis=(1, 2), keepdims=True)
            residual += np.square(rest).sum(axis=(1, 2)) / ((seeds - 1) * (n - 1) * seeds * n) / len(sets) ** 2
    between = np.zeros(len(images))
    if seeds > 1:
        between = np.mean([one.mean(axis=2) for one in sets], axis=0).var(axis=1, ddof=1) / seeds
        between = np.clip(between - (seeds - 2) / (seeds - 1) * residual, 0, None)
    negligible = _ROUNDING * np.max([np.abs(one).max(axis=(1, 2)) for one in sets], axis=0)
    by_seeds, by_images = np.sqrt(between), np.sqrt(images)
    return np.where(by_seeds > negligible, by_seeds, 0.0), np.where(by_images > negligible, by_images, 0.0)


def enough(counts: Sequence[int]) -> bool:
    """Return whether sets of so many images can be resampled: hardly any resample may be one image over and over."""
    return math.prod(float(n) ** (1 - n) for n in counts) <= DEGENERATE


def _studentised(means: list[Array], levels: Array, generator: np.random.Generator) -> Array:
    """Return the sorted errors of the images (data sets, resamples) in units of their standard error.

    The bootstrap-t, which follows skewed images; where its tail is the shorter, Student's t, which it falls below for
    heavy tails. Student's t alone for images too few to be resampled, or too equal.
    """
    from scipy.special import stdtrit

    means = [one for one in means if one.shape[1] > 1]
    if not means:
        return np.zeros((1, len(levels)))
    counts = [one.shape[1] for one in means]
    # Satterthwaite's degrees of freedom for equal variances in all sets
    freedom = sum(1 / n for n in counts) ** 2 / sum(1 / n**2 / (n - 1) for n in counts)
    student: Array = stdtrit(freedom, levels)
    if not enough(counts):
        return student[None]
    error = np.zeros((len(levels), len(means[0])))
    variance = np.zeros_like(error)
    for one in means:
        n = one.shape[1]
        centred = (one - one.mean(axis=1, keepdims=True)).T
        for rows, weights in _weights(n, len(levels), generator):
            mean = weights @ centred
            error[rows] += mean
            variance[rows] += (weights @ np.square(centred) - np.square(mean)).clip(0) / (n - 1)
    # a resample of one image over and over has no spread: its error is beyond all others
    spread = np.sqrt(variance.max(axis=0)) * 1e-6
    ratio = np.sort((error / np.maximum(np.sqrt(variance), np.where(spread > 0, spread, 1))).T, axis=1)
    middle = len(levels) // 2
    ratio[:, :middle] = np.minimum(ratio[:, :middle], student[:middle])
    ratio[:, middle:] = np.maximum(ratio[:, middle:], student[middle:])
    ratio[(variance <= np.square(spread)).mean(axis=0) > FLAT] = student
    return ratio


def _weights(images: int, resamples: int, generator: np.random.Generator) -> Iterator[tuple[slice, Array]]:
    """Yield the share of each image in each resample, (rows, images), a chunk of resamples at a time."""
    rows = max(1, _CHUNK // images)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        drawn = generator.integers(images, size=(stop - start, images))
        drawn += np.arange(stop - start)[:, None] * images
        counted = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        yield slice(start, stop), counted / images
