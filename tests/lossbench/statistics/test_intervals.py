"""Paired intervals and equivalence: cases by hand, agreement with scipy, and what is refused."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lossbench.errors import UserError
from lossbench.statistics.intervals import companions, equivalent, interval

Array = NDArray[np.float64]


def normal(*shape: int, seed: int = 0, mean: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(mean, 1, shape)


def test_the_estimate_is_the_mean_of_set_means_and_the_pooled_mean_is_printed_too() -> None:
    found = interval([np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([[10.0], [20.0]])])
    assert (found.estimate, found.pooled) == pytest.approx(((2.5 + 15) / 2, (2 + 3 + 15) / 3))
    assert (found.n_images, found.n_seeds) == (3, 2)


def test_seeds_alone_give_the_t_interval() -> None:
    seeds = np.array([0.1, 0.4, 0.25])
    found = interval([seeds[:, None]])
    low, high = stats.t.interval(0.95, 2, seeds.mean(), seeds.std(ddof=1) / math.sqrt(3))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert "noise of images is not covered" in found.method


def test_seeds_that_move_all_images_alike_give_the_t_interval_over_seeds() -> None:
    seeds = np.array([0.1, 0.4, 0.25, 0.3])
    low, high = stats.t.interval(0.9, 3, seeds.mean(), seeds.std(ddof=1) / 2)
    found = interval([np.tile(seeds[:, None], 50), np.tile(seeds[:, None], 7)], level=0.9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_images_of_one_seed_give_nearly_the_t_interval_and_seed_noise_is_said_to_be_left_out() -> None:
    images = normal(400, seed=3, mean=0.5)
    low, high = stats.t.interval(0.95, 399, images.mean(), images.std(ddof=1) / 20)
    found = interval([images[None]])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert found.low <= low + 1e-3 and found.high >= high - 1e-3
    assert "seed noise is not covered" in found.method


def test_three_images_are_too_few_to_be_resampled() -> None:
    images = np.array([0.1, 0.3, 0.8])
    found = interval([images[None]])
    low, high = stats.t.interval(0.95, 2, images.mean(), images.std(ddof=1) / math.sqrt(3))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert "too few to be resampled" in found.method


def test_skewed_images_give_a_skewed_interval() -> None:
    found = interval([np.exp(normal(1, 50, seed=1))])
    assert found.high - found.estimate > 1.3 * (found.estimate - found.low)


def test_a_seed_effect_widens_the_interval_and_more_seeds_narrow_it() -> None:
    images, seeds = normal(1, 100), normal(12, 1, seed=1)
    quiet, loud, many = (interval([images + one]) for one in (0 * seeds[:3], seeds[:3], seeds))
    widths = [one.high - one.low for one in (quiet, loud, many)]
    assert widths[1] > 2 * widths[0] and widths[2] < 0.7 * widths[1]


@pytest.mark.parametrize("value", [0.0, 0.1, -0.7, 1e6])
@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_equal_differences_have_an_interval_without_width(value: float, seeds: int) -> None:
    found = interval([np.full((seeds, 10), value), np.full((seeds, 4), value)])
    assert found.low == found.high == found.estimate == pytest.approx(value)


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_few_wrong_answers_among_many_right_ones_give_students_interval(wrong: int) -> None:
    answers = np.zeros(20)
    answers[:wrong] = 100.0
    found = interval([answers[None]])
    # a third of the resamples holds none of one wrong answer
    half = stats.t.ppf(0.975, 19) * answers.std(ddof=1) / math.sqrt(20)
    assert (found.low, found.high) == pytest.approx((answers.mean() - half, answers.mean() + half), rel=1e-3)


def test_a_constant_set_beside_a_varying_one_gives_numbers() -> None:
    found = interval([np.full((3, 10), 0.2), normal(3, 20)])
    assert found.low < found.estimate < found.high


def test_the_interval_does_not_depend_on_the_unit() -> None:
    sets = [normal(3, 20), normal(3, 5, seed=1)]
    small, large = interval(sets), interval([1e6 * one for one in sets])
    assert (large.low, large.high) == pytest.approx((1e6 * small.low, 1e6 * small.high))


def test_the_same_generator_seed_gives_the_same_interval() -> None:
    sets = [normal(3, 20)]
    assert interval(sets) == interval(sets) != interval(sets, generator_seed=1)


def test_ten_thousand_resamples_of_five_sets_take_little_time() -> None:
    sets = [normal(3, 100, seed=seed) for seed in range(5)]
    interval(sets)
    times = []
    for _ in range(5):
        start = time.process_time()
        interval(sets)
        times.append(time.process_time() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ([], "no sets"),
        ([np.ones(3)], "set 0 has shape"),
        ([np.ones((3, 2)), np.ones((3, 0))], "set 1 has shape"),
        ([np.ones((3, 2)), np.ones((2, 2))], r"\[3, 2\] seeds"),
        ([np.array([[1.0, math.nan]])], "NaN"),
        ([np.array([[1.0, math.inf]])], "infinity"),
        ([np.ones((1, 1))], "one image and one seed"),
    ],
)
def test_what_has_no_interval_is_named(sets: Sequence[NDArray[Any]], words: str) -> None:
    for function in (interval, companions, lambda given: equivalent(given, 1.0)):
        with pytest.raises(UserError, match=words):
            function(sets)


@pytest.mark.parametrize("margin", [0.1, 0.15, 0.2, 0.3])
def test_equivalence_agrees_with_two_t_tests_for_normal_images_of_one_seed(margin: float) -> None:
    images = normal(300, seed=5)
    sides = (
        stats.ttest_1samp(images, -margin, alternative="greater"),
        stats.ttest_1samp(images, margin, alternative="less"),
    )
    expected = max(side.pvalue for side in sides)
    assert equivalent([images[None]], margin) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_equivalence_at_5_per_cent_is_a_90_per_cent_interval_within_the_margin(seed: int) -> None:
    sets = [normal(3, 40, seed=seed), normal(3, 9, seed=100 + seed)]
    inner = interval(sets, level=0.9)
    margin = max(-inner.low, inner.high)
    assert equivalent(sets, margin * 1.01) < 0.05 < equivalent(sets, margin * 0.99)


def test_equal_losses_are_equivalent_and_a_margin_has_to_be_positive() -> None:
    assert equivalent([np.zeros((3, 10))], 0.01) < 0.001
    with pytest.raises(UserError, match="margin: 0"):
        equivalent([np.zeros((3, 10))], 0)
