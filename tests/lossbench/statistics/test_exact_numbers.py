"""Holm, McNemar, Clopper and Pearson: the numbers of statsmodels 0.15.0, computed once."""

import numpy as np
import pytest

from lossbench.statistics.intervals import holm, mcnemar, sign_claim


def test_holm() -> None:
    given = np.array([0.011, 0.0004, 0.2, 0.049, 0.03, 0.0004, 0.7])
    expected = [0.05499999999999999, 0.0028, 0.4, 0.14700000000000002, 0.12, 0.0028, 0.7]
    assert holm(given) == pytest.approx(expected, rel=1e-14, abs=0)
    assert given[0] == 0.011, "what is given stays as it is"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(12, 3, 0.03515625), (0, 7, 0.015625), (40, 61, 0.046044066929342785), (5, 5, 1.0)],
)
def test_mcnemar(first: int, second: int, expected: float) -> None:
    ours = [True] * (4 + first) + [False] * (second + 9)
    theirs = [True] * 4 + [False] * first + [True] * second + [False] * 9
    assert mcnemar(ours, theirs) == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (99, 100, 0.9455406146079194, 0.9997468539670226),
        (1, 9, 0.002809136746599214, 0.4824965149173371),
        (55, 100, 0.44728018877393605, 0.6496797707603281),
        (37, 41, 0.7686854506905387, 0.9727725332016391),
    ],
)
def test_clopper_pearson(part: int, whole: int, low: float, high: float) -> None:
    found = sign_claim(part, whole, 1, 2)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-14, abs=0)
