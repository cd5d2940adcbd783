"""Paired statistics: cases computed by hand, agreement with scipy, and what is refused."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lossbench.errors import UserError
from lossbench.statistics.intervals import (
    companions,
    equivalent,
    holm,
    interaction,
    interval,
    mcnemar,
    shape,
    sign_claim,
)

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


def test_companions_by_hand() -> None:
    found = companions([np.array([[1.0, -1.0], [3.0, 0.0]]), np.array([[4.0, 0.0], [-8.0, 0.0]])])
    # images over seeds: 2, -0.5, -2, 0; pair means: 2, .75, 0, 1, -.5, -1.25, -.25, -2, -1, 0; median (-.25 + 0) / 2
    assert found.shift == pytest.approx(-0.125)
    assert found.improved == 0.25
    # seeds: mean of 0 and 2, and of 1.5 and -4
    assert found.probability_over_seeds == 0.5


def test_zeros_count_as_pratt_wants() -> None:
    images = np.array([0] * 6 + [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, -0.35, -0.45])
    expected = stats.wilcoxon(images, zero_method="pratt").pvalue
    assert companions([images[None]]).wilcoxon_p == pytest.approx(expected)
    assert expected != pytest.approx(stats.wilcoxon(images, zero_method="wilcox").pvalue)


def test_wilcoxon_over_six_images_that_all_improve_is_two_in_sixty_four() -> None:
    assert companions([np.arange(1.0, 7.0)[None]]).wilcoxon_p == pytest.approx(2 / 64)


def test_five_images_that_all_improve_decide_nothing() -> None:
    assert companions([np.arange(1.0, 6.0)[None]]).wilcoxon_p == pytest.approx(0.0625)


def test_no_difference_anywhere_has_a_p_of_one() -> None:
    found = companions([np.zeros((3, 10))])
    assert (found.wilcoxon_p, found.shift, found.improved, found.probability_over_seeds) == (1, 0, 0, 0.5)


def test_one_seed_has_no_probability_over_seeds() -> None:
    assert companions([normal(1, 10)]).probability_over_seeds is None


def test_errors_of_single_images_have_mcnemars_test() -> None:
    # 8 images got right and 1 wrong of those that changed: 2 * (1 + 9) / 2**9
    errors = 100.0 * np.array([1] * 8 + [-1] + [0] * 30)
    found = companions([errors[None, :20], errors[None, 20:]])
    assert found.mcnemar_p == pytest.approx(20 / 512)
    assert found.mcnemar_p == companions([-errors[None]]).mcnemar_p
    assert companions([np.tile(errors, (3, 1))]).mcnemar_p == found.mcnemar_p
    assert companions([np.zeros((1, 10))]).mcnemar_p == 1


def test_values_between_right_and_wrong_have_no_mcnemars_test() -> None:
    assert companions([normal(1, 10)]).mcnemar_p is None
    # seeds that disagree, and one image alone
    assert companions([np.array([[100.0, 0, -100, 100], [0, 0, -100, 100]])]).mcnemar_p is None
    assert companions([np.array([[0.3], [0.5]])]).mcnemar_p is None


def test_holm_by_hand_leaves_nan_alone() -> None:
    assert holm([0.01, math.nan, 0.04, 0.03])[::2] == pytest.approx([0.03, 0.06])
    assert holm([0.01, math.nan, 0.04, 0.03])[3] == pytest.approx(0.06)
    assert math.isnan(holm([0.01, math.nan])[1]) and holm([0.01, math.nan])[0] == pytest.approx(0.01)
    assert holm([]) == [] and math.isnan(holm([math.nan])[0])


def swapped(rows: int, swaps: int) -> list[int]:
    """Return 0..rows-1 with exactly `swaps` pairs out of order."""
    order = list(range(rows))
    for _ in range(swaps):
        at = next(index for index in range(rows - 1) if order[index] < order[index + 1])
        order[at], order[at + 1] = order[at + 1], order[at]
    return order


@pytest.mark.parametrize(
    ("swaps", "tau", "p_value"), [(14, 27 / 55, 0.0405), (11, 0.6, 0.00995), (0, 1.0, 2 / 39916800)]
)
def test_the_exact_p_of_eleven_rows(swaps: int, tau: float, p_value: float) -> None:
    found = shape(swapped(11, swaps), range(11), "up")
    assert found is not None
    assert (found.tau, found.p_value) == pytest.approx((tau, p_value), abs=5e-5)
    assert (found.pairs_kept, found.pairs, found.n) == (55 - swaps, 55, 11)


def test_the_p_without_ties_is_the_share_of_all_orders() -> None:
    ours, published = [2.0, 1.0, 3.0, 5.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0]
    found = shape(ours, published, "up")
    taus = [abs(stats.kendalltau(order, published).statistic) for order in itertools.permutations(ours)]
    assert found is not None and found.p_value == pytest.approx(np.mean(np.array(taus) >= abs(found.tau) - 1e-9))


def test_tied_rows_by_hand() -> None:
    found = shape([1, 1, 2], [1, 2, 3], "up")
    assert found is not None
    # tau-b: 2 concordant of sqrt(2 x 3); of the six orders of 1, 1, 2 two have S = 2, two 0 and two -2
    assert (found.tau, found.p_value) == pytest.approx((2 / math.sqrt(6), 2 / 3))
    assert (found.pairs_kept, found.pairs, found.same_winner) == (2, 3, True)


def test_many_tied_rows_are_permuted_at_random_and_the_same_each_time() -> None:
    ours, published = [1, 2, 2, 4] * 3, list(range(12))
    found = shape(ours, published, "up")
    assert found == shape(ours, published, "up") and found is not None
    assert found.p_value == pytest.approx(stats.kendalltau(ours, published).pvalue, abs=0.06)


@pytest.mark.parametrize(("better", "same"), [("up", False), ("down", True)])
def test_the_winner_depends_on_the_direction(better: Literal["up", "down"], same: bool) -> None:
    found = shape([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0], better)
    assert found is not None and found.same_winner is same and found.tau == pytest.approx(4 / 6)


def test_rows_without_a_number_are_left_out_and_two_rows_say_nothing() -> None:
    found = shape([1.0, 2.0, 3.0, math.nan], [1.0, 2.0, 3.0, 0.0], "up")
    assert found is not None and (found.n, found.tau) == pytest.approx((3, 1))
    assert shape([1.0, 2.0, math.nan], [1.0, 2.0, 3.0], "up") is None
    assert shape([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], "up") is None


@pytest.mark.parametrize(
    ("wins", "n", "name"),
    [
        (99, 100, "confirmed in size"),
        (100, 100, "confirmed in size"),
        (80, 100, "smaller than claimed"),
        (55, 100, "smaller than claimed"),
        (10, 100, "contradicted"),
        (3, 5, "undecided"),
    ],
)
def test_the_sign_claim_of_figure_10(wins: int, n: int, name: str) -> None:
    assert sign_claim(wins, n, 99, 100).verdict.name == name


def test_a_larger_share_than_published_is_confirmed() -> None:
    assert sign_claim(99, 100, 60, 100).verdict.name == "confirmed"


def test_the_interval_of_99_in_100_is_clopper_and_pearsons() -> None:
    found = sign_claim(99, 100, 99, 100)
    assert found.low == pytest.approx(0.946, abs=5e-4) and found.high == pytest.approx(0.9997, abs=5e-5)
    exact = stats.binomtest(99, 100).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert (sign_claim(0, 9, 99, 100).low, sign_claim(9, 9, 99, 100).high) == (0, 1)
    with pytest.raises(UserError, match="wins: 3 of 2"):
        sign_claim(3, 2, 99, 100)


def test_mcnemar_by_hand() -> None:
    assert mcnemar([True] * 5 + [False], [False] * 6) == pytest.approx(2 / 32)
    assert mcnemar([True, False], [False, True]) == pytest.approx(1)
    with pytest.raises(UserError, match="same images"):
        mcnemar([True], [True, False])


def test_a_classifier_that_inverts_the_order_is_seen() -> None:
    generator = np.random.default_rng(0)
    rates = (0.40, 0.50, 0.60, 0.50)
    errors = [(generator.random((1, 1000)) < rate).astype(float) for rate in rates]
    found = interaction(errors[0], errors[1], errors[2], errors[3])
    assert found.on_robust.low > 0 > found.on_plain.high and found.interaction.low > 0
    assert found.interaction.estimate == pytest.approx(found.on_robust.estimate - found.on_plain.estimate)
    same = interaction(errors[0], errors[1], errors[0], errors[1])
    assert same.interaction.low == same.interaction.high == 0
    with pytest.raises(UserError, match="same seeds and images"):
        interaction(errors[0], errors[1], errors[2], errors[3][:, :10])
