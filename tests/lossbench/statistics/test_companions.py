"""What stands beside an interval: shift, share improved, Wilcoxon's, McNemar's and Holm's p."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lossbench.errors import UserError
from lossbench.statistics.intervals import companions, holm, mcnemar


def normal(*shape: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, 1, shape)


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


def test_mcnemar_by_hand() -> None:
    assert mcnemar([True] * 5 + [False], [False] * 6) == pytest.approx(2 / 32)
    assert mcnemar([True, False], [False, True]) == pytest.approx(1)
    with pytest.raises(UserError, match="same images"):
        mcnemar([True], [True, False])
