"""A table's shape, a sign claim and an interaction: cases by hand, and agreement with scipy."""

import itertools
import math
from typing import Literal

import numpy as np
import pytest
from scipy import stats

from lossbench.errors import UserError
from lossbench.statistics.intervals import interaction, sign_claim
from lossbench.statistics.rank_agreement import shape


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
        (80, 100, "confirmed, smaller"),
        (55, 100, "open, below the claim"),
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
