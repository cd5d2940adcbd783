"""The noise of seeds that other runs lend: its numbers by hand, and what it does to false directions."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lossbench.statistics import bootstrap
from lossbench.statistics.intervals import interval
from lossbench.statistics.seed_noise import SeedNoise, apart, borrowed, combined, pooled

Array = NDArray[np.float64]


def test_a_difference_of_two_runs_has_twice_the_variance_of_one() -> None:
    found = borrowed(np.array([[30.0, 30.2, 30.4]]))
    assert found.variance == pytest.approx(2 * 0.04) and found.freedom == 2


def test_pooled_variances_count_less_than_their_sum_of_degrees_of_freedom() -> None:
    differences = [np.array([[0.1, 0.2, 0.3]]), np.array([[0.0, 0.0, 0.3]])]
    found = pooled(differences)
    assert found.variance == pytest.approx((0.01 + 0.03) / 2)
    assert found.freedom == pytest.approx(2 * 2 / 1.25)
    assert pooled(differences[:1]).freedom == 2


def test_variances_are_weighed_by_their_degrees_of_freedom() -> None:
    found = combined([SeedNoise(np.array([1.0]), 1), SeedNoise(np.array([4.0]), 2)])
    assert (found.variance, found.freedom) == (pytest.approx(3), 3)


def test_runs_that_lie_far_further_apart_are_told() -> None:
    others = SeedNoise(np.array([0.01, 0.01]), 4)
    assert apart(np.array([0.02, 1.0]), 2, others).tolist() == [False, True]


def test_the_interval_of_one_seed_by_hand() -> None:
    noise = SeedNoise(np.array([0.08]), 2)
    variance, freedom = bootstrap.seed_variance(np.array([0.0]), 1, noise)
    assert (variance, freedom) == (pytest.approx(0.08), 2)
    half = stats.t.ppf(0.975, 2) * np.sqrt(0.08)
    # equal differences leave the seeds' noise alone
    same = interval([np.full((1, 5), 0.5)], noise=noise)
    assert (same.low, same.high) == pytest.approx((0.5 - half, 0.5 + half), rel=1e-3)
    assert same.covers_seeds and same.method.endswith("and the noise that other runs show")


def test_own_and_lent_noise_are_weighed_by_degrees_of_freedom() -> None:
    noise = SeedNoise(np.array([0.08]), 2)
    variance, freedom = bootstrap.seed_variance(np.array([np.sqrt(0.02)]), 3, noise)
    assert (variance, freedom) == (pytest.approx((2 * 0.02 + 2 * 0.08 / 3) / 4), bootstrap.OVERLAP * 4)
    # runs of which some collapsed are believed alone
    variance, freedom = bootstrap.seed_variance(np.array([100.0]), 3, noise)
    assert (variance, freedom) == (pytest.approx(1e4), 2)


def test_one_seed_alone_covers_no_seeds() -> None:
    found = interval([np.array([[0.1, 0.2, 0.3]])])
    assert not found.covers_seeds and "seed noise is not covered" in found.method


def false_directions(seeds: int, images: int, deviation: float, lent: bool) -> float:
    """Return the share of A/A comparisons with a direction: runs deviate by `deviation` of the images'."""
    generator = np.random.default_rng([seeds, images, int(10 * deviation)])
    several = 1000
    run = deviation / np.sqrt(2) * generator.standard_normal((several, 2, 3 + seeds))
    apart_by = generator.standard_normal((several, 1, images))
    residual = 0.3 * generator.standard_normal((several, seeds, images))
    # the reference's first seeds are those that are compared, the others lend
    ours, theirs = run[:, 0, :seeds], run[:, 1, :seeds]
    difference = (ours - theirs)[..., None] + apart_by + residual
    noise = borrowed(run[:, 1, : seeds + 2]) if lent else None
    _, values = bootstrap.draws([difference], 1000, 0, noise)
    low, high = np.quantile(values, [0.025, 0.975], axis=1, method="hazen")
    return float(np.mean((low > 0) | (high < 0)))


@pytest.mark.parametrize("images", [6, 100])
@pytest.mark.parametrize("deviation", [0.0, 0.3, 1.0])
def test_lent_noise_keeps_false_directions_of_one_seed_at_their_nominal_rate(images: int, deviation: float) -> None:
    # 5 %, and three standard errors of 1,000 data sets
    assert false_directions(1, images, deviation, lent=True) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_without_it_one_seed_has_a_direction_in_most() -> None:
    assert false_directions(1, 100, 1.0, lent=False) > 0.5
