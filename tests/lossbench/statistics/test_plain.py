"""The interval of plain lists of numbers."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from _repository import ROOT

import lossbench
from lossbench.errors import UserError
from lossbench.statistics import interval, intervals

DIFFERENCES = [0.1, 0.3, -0.2, 0.5, 0.4, 0.2]


def test_a_plain_list_is_one_seed_of_pictures() -> None:
    expected = intervals.interval([np.array([DIFFERENCES])])
    for values in (DIFFERENCES, tuple(DIFFERENCES), np.array(DIFFERENCES), map(float, DIFFERENCES)):
        assert interval(values) == expected
    assert not expected.covers_seeds and expected.estimate == pytest.approx(np.mean(DIFFERENCES))
    assert lossbench.statistics.interval is interval


def test_lists_of_lists_are_seeds_and_arrays_of_two_axes_are_sets() -> None:
    seeds = [DIFFERENCES, [value + 0.1 for value in DIFFERENCES]]
    assert interval(seeds) == interval(np.array(seeds)) == intervals.interval([np.array(seeds)])
    assert interval(seeds).n_seeds == 2
    sets = [np.array(seeds), np.array(seeds)[:, :3]]
    assert interval(sets) == intervals.interval(sets)
    assert interval(DIFFERENCES, 0.5).high < interval(DIFFERENCES).high


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "values: none; give two or more numbers"),
        ([1.0], "values: one number; an interval needs two or more"),
        ([1.0, [2.0]], "numbers beside lists"),
        ([[1.0, 2.0], [3.0]], "seeds of 1 and 2 pictures"),
        (["a", "b"], "values: 'a' is no number"),
        ([1.0, None], "values: None is no number"),
        ([1.0, math.nan], "NaN or infinity"),
    ],
)
def test_what_has_no_interval_is_named(values: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        interval(values)


def test_a_level_is_a_share() -> None:
    with pytest.raises(UserError, match="level: 95 is not between 0 and 1"):
        interval(DIFFERENCES, 95)


def test_names_that_there_are_not_are_said_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="no attribute 'intervall'; it has Interval, holm, interval"):
        lossbench.statistics.intervall  # type: ignore[attr-defined]  # noqa: B018
    assert {"interval", "holm"} <= set(dir(lossbench.statistics))


def test_an_interval_needs_no_torch() -> None:
    script = "import sys, lossbench; lossbench.statistics.interval([1.0, 2.0, 4.0]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"


def test_the_median_of_many_pairs_is_that_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).standard_normal(301)
    exact = intervals.companions([images[None]]).shift
    monkeypatch.setattr(intervals, "MANY", 10)
    assert intervals.companions([images[None]]).shift == pytest.approx(exact, abs=1e-4)
    assert intervals.companions([np.full((1, 301), 0.25)]).shift == 0.25
