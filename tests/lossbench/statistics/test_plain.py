"""The interval of plain lists of numbers."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from _repository import ROOT

import lossbench
from lossbench.errors import UserError
from lossbench.statistics import holm, interval, intervals

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
        (5, "values: int is no list of numbers; give numbers, one a picture, or one list of them a seed"),
        (None, "values: NoneType is no list of numbers"),
        (np.array(5.0), "values: ndarray is no list of numbers"),
        ("12", "values: str is no list of numbers"),
        (b"12", "values: bytes is no list of numbers"),
        ({"a": 1.0, "b": 2.0}, "values: dict is no list of numbers"),
        ({1: 0.1, 2: 0.2}, "values: dict is no list of numbers"),
        ({0.1, 0.2}, "values: set is no list of numbers"),
        (pd.DataFrame({0: [1.0, 2.0], 1: [2.0, 3.0]}), "values: DataFrame is no list of numbers"),
        ([{1: 0.1}, {1: 0.2}], "is no number"),
        ([1e300, 2e300], "values: 2e.300 is the largest amount"),
        ([1e-300, 2e-300], "values: 2e-300 is the largest amount"),
        ([[], []], "values: a list without numbers"),
        ([[1.0]], "values: one number"),
        (np.ones((2, 2, 2, 2)), "values: lists within lists 4 deep"),
        ([np.ones((2, 3)), np.ones((1, 3))], "values: sets of .2, 1. seeds"),
        (np.ma.masked_array([1.0, 2.0, 9.0], [False, False, True]), "values: some are masked; leave their pictures"),
        ([np.ma.masked_array([1.0, 2.0], [False, True]), [1.0, 2.0]], "values: some are masked"),
        (list(np.ma.masked_array([1.0, 2.0, 9.0], [False, False, True])), "values: some are masked"),
        (np.ma.masked_array(np.ones((2, 3)), np.eye(2, 3)), "values: some are masked"),
    ],
)
def test_what_has_no_interval_is_named(values: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        interval(values)
    assert "image" not in str(caught.value) and "differences" not in str(caught.value)


def test_masked_arrays_without_a_masked_entry_and_series_are_lists() -> None:
    expected = interval(DIFFERENCES)
    assert interval(np.ma.masked_array(DIFFERENCES, False)) == interval(pd.Series(DIFFERENCES)) == expected
    with pytest.raises(UserError, match="differences: some are masked"):
        intervals.interval([np.ma.masked_array([DIFFERENCES], [[True] + [False] * 5])])


def test_tensors_are_lists_whatever_they_are_part_of() -> None:
    expected = interval(DIFFERENCES)
    whole = torch.tensor(DIFFERENCES, dtype=torch.float64, requires_grad=True)
    parts = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in DIFFERENCES]
    assert interval(whole) == interval(parts) == interval([parts]) == interval(whole[None]) == expected
    assert interval(torch.tensor([1.0, 2.0, 4.0], dtype=torch.bfloat16)) == interval([1.0, 2.0, 4.0])
    with pytest.raises(UserError, match=r"values: tensor.* is no number"):
        interval(torch.ones(3, device="meta"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a"], r"p_values: \['a'\] is no number; give a list of p-values, NaN for none"),
        ([None, 0.5], r"p_values: \[None, 0.5\] is no number"),
        (None, "p_values: NoneType is no list of numbers"),
        (0.5, "p_values: float is no list of numbers"),
        ({0.1: 1}, "p_values: dict is no list of numbers"),
        ([[0.1, 0.2]], r"p_values: shape \(1, 2\)"),
        ([0.1, -1.0], "p_values: -1 is not in .0, 1."),
        ([2.0], "p_values: 2 is not in .0, 1."),
        ([math.inf], "p_values: inf is not in .0, 1."),
    ],
)
def test_what_is_no_list_of_p_values_is_named(values: Any, words: str) -> None:
    with pytest.raises(UserError, match=f"^{words}"):
        holm(values)


def test_p_values_are_taken_from_lists_arrays_and_tensors() -> None:
    for values in ([0.01, math.nan, 0.04], np.array([0.01, math.nan, 0.04]), pd.Series([0.01, math.nan, 0.04])):
        assert holm(values) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert holm([]) == [] and holm(torch.tensor([0.5], requires_grad=True)) == [0.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": "0.95"}, "level: '0.95' is not between 0 and 1"),
        ({"level": True}, "level: True is not between 0 and 1"),
        ({"level": math.nan}, "level: nan is not between 0 and 1"),
        ({"level": 0.9999999}, "resamples: 10000 for the level 0.9999999; give 4"),
        ({"resamples": 0}, "resamples: 0 for the level 0.95; give 100 to 10000000"),
        ({"resamples": 1}, "resamples: 1 for the level 0.95"),
        ({"resamples": 10**12}, "resamples: 1000000000000 for the level"),
        ({"resamples": 2.5}, "resamples: 2.5 is no whole number"),
        ({"resamples": None}, "resamples: None is no whole number"),
        ({"generator_seed": -1}, "generator_seed: -1 is no whole number from 0"),
        ({"generator_seed": "a"}, "generator_seed: 'a' is no whole number from 0"),
    ],
)
def test_what_is_no_level_no_number_of_resamples_and_no_seed_is_named(options: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        interval(DIFFERENCES, **options)


def test_an_interval_is_printed_in_plain_numbers() -> None:
    assert "np.float64" not in repr(interval([DIFFERENCES, DIFFERENCES[::-1]]))
    assert interval(DIFFERENCES, np.float32(0.5), np.int64(1000)).low < interval(DIFFERENCES).high


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
