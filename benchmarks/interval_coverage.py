"""How often the 95 % interval holds the truth: `python benchmarks/interval_coverage.py`.

Each row simulates data sets whose true difference is 0, with the given variances of the seed effect, the images and
the residual, and prints the share of intervals that hold 0 for 1, 3 and 10 seeds, and that of the plain percentile
bootstrap.
"""

import argparse
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossbench.statistics.bootstrap import draws

Array = NDArray[np.float64]

BENCHMARK_SETS = (5, 14, 100, 109, 100)
"""Images of Set5, Set14, BSD100, Manga109 and Urban100."""
SKEWED = ("log-normal 0.5", "log-normal 1", "t3")
DATA_SETS = 4000
"""A printed share has a standard error of 0.003 to 0.005."""
RESAMPLES = 10_000
SEEDS = (1, 3, 10)
LEVEL = 0.95
_BATCH = 250


@dataclass(frozen=True)
class Case:
    """One row: variances of the seed effect, the images, the residual and the interaction, and how images differ."""

    seed: float
    image: float
    residual: float
    shape: str = "normal"
    images: tuple[int, ...] = (100,)
    common: bool = False
    """Whether the sets share the seed effect."""
    interaction: float = 0.0
    """Variance of seed effect x image effect: each seed scales an image effect of its own."""
    same_images: bool = False
    """Whether the sets wrongly hold the same images, as those of three networks do that were not averaged."""


def _cases() -> list[Case]:
    normal = [(0, 0, 1), (0, 1, 0.1), (0.1, 1, 0.1), (0.03, 0, 1), (0.1, 0, 1), (1, 1, 1), (10, 1, 1)]
    cases = [Case(*variances) for variances in normal]
    cases += [Case(0, 1, 0.1, interaction=1), Case(0.1, 1, 0.1, interaction=1)]
    cases += [Case(seed, 1, 0.1, shape) for shape in SKEWED for seed in (0, 0.1)]
    for common in (False, True):
        least = 0.1 if common else 0.0
        variances = ((least, 1, 0.1), (10, 1, 1))
        cases += [Case(s, i, r, "normal", BENCHMARK_SETS, common) for s, i, r in variances]
    cases += [Case(0, 1, 0.1, shape, BENCHMARK_SETS) for shape in SKEWED]
    cases += [Case(0, 1, 0.1, images=(few,)) for few in (5, 14)]
    return [*cases, Case(0, 1, 0.1, images=(100, 100, 100), same_images=True)]


CASES = _cases()


def image_effects(shape: str, size: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Return effects of mean 0 and variance 1."""
    if shape == "t3":
        return np.asarray(generator.standard_t(3, size) / np.sqrt(3))
    if shape.startswith("log-normal"):
        variance = float(shape.split()[1]) ** 2
        values = np.exp(np.sqrt(variance) * generator.standard_normal(size))
        return np.asarray((values - np.exp(variance / 2)) / np.sqrt((np.exp(variance) - 1) * np.exp(variance)))
    return generator.standard_normal(size)


def simulated(case: Case, data_sets: int, seeds: int, generator: np.random.Generator) -> list[Array]:
    """Return differences (data sets, seeds, images) for each set of the case; their true mean is 0."""
    shared = generator.standard_normal((data_sets, seeds, 1))
    same = image_effects(case.shape, (data_sets, 1, max(case.images)), generator)
    result = []
    for images in case.images:
        effect = shared if case.common else generator.standard_normal((data_sets, seeds, 1))
        one = np.sqrt(case.seed) * effect
        own = image_effects(case.shape, (data_sets, 1, images), generator)
        one = one + np.sqrt(case.image) * (same if case.same_images else own)
        one += np.sqrt(case.residual) * generator.standard_normal((data_sets, seeds, images))
        scaled = image_effects(case.shape, (data_sets, 1, images), generator)
        one += np.sqrt(case.interaction) * generator.standard_normal((data_sets, seeds, 1)) * scaled
        result.append(one)
    return result


def bounds(values: Array) -> tuple[Array, Array]:
    """Return the ends of the interval of each row of draws."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=1, method="hazen")
    return low, high


def plain(sets: list[Array], generator: np.random.Generator, resamples: int = 1000) -> Array:
    """Return draws of the plain two-level bootstrap: seeds, then images within each set; its quantiles are the ends."""
    seeds = sets[0].shape[1]
    total = np.zeros((len(sets[0]), resamples))
    by_seed = generator.multinomial(seeds, [1 / seeds] * seeds, resamples) / seeds
    for one in sets:
        n = one.shape[2]
        by_image = generator.multinomial(n, [1 / n] * n, resamples) / n
        total += np.einsum("mkr,rk->mr", one @ by_image.T, by_seed)
    return total / len(sets)


def coverage(case: Case, seeds: int, method: str = "lossbench", data_sets: int = DATA_SETS) -> float:
    """Return the share of simulated data sets whose interval holds the truth."""
    # each row its own data, so that one unlucky draw doesn't show in all
    generator = np.random.default_rng([seeds, zlib.crc32(repr(case).encode())])
    held = []
    for _ in range(0, data_sets, _BATCH):
        sets = simulated(case, _BATCH, seeds, generator)
        values = draws(sets, RESAMPLES, 0)[1] if method == "lossbench" else plain(sets, generator)
        low, high = bounds(values)
        held.append((low <= 0) & (high >= 0))
    return float(np.concatenate(held).mean())


def line(case: Case) -> str:
    """Return one row of the table."""
    words = [f"{case.seed:g} : {case.image:g} : {case.residual:g}", case.shape]
    words[0] += f", interaction {case.interaction:g}" if case.interaction else ""
    several = "; one seed effect" if case.common else "; seed effect of each set"
    several = "; wrongly the same images" if case.same_images else several
    words.append("/".join(map(str, case.images)) + (several if len(case.images) > 1 else ""))
    # one seed says nothing of seed noise: only cases without it can be covered
    silent = case.seed > 0 or case.interaction > 0
    words += ["-" if k == 1 and silent else f"{coverage(case, k):.3f}" for k in SEEDS]
    words += [f"{coverage(case, k, 'plain'):.3f}" for k in SEEDS[1:]]
    return f"| {' | '.join(words)} |"


def heading() -> str:
    """Return the two lines above the rows."""
    names = ["seed : image : residual", "images are", "images a set"]
    names += ["1 seed", *(f"{k} seeds" for k in SEEDS[1:]), *(f"plain, {k} seeds" for k in SEEDS[1:])]
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(heading())
    for case in CASES:
        print(line(case), flush=True)


if __name__ == "__main__":
    main()
