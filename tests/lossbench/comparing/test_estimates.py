"""Verdicts of a comparison: planted differences, margins, infinities, and what one run may not say."""

import math
import runpy
from functools import cache
from typing import Any

import numpy as np
import pytest
from _repository import ROOT
from numpy.typing import NDArray

from lossbench.comparing.estimates import Estimate, estimates
from lossbench.errors import UserError
from lossbench.statistics.false_directions import beyond_nominal
from lossbench.statistics.intervals import interval

SEEDS, PICTURES = 3, 20


@pytest.fixture(scope="module")
def benchmark() -> dict[str, Any]:
    """Return the names of benchmarks/planted_differences.py, which finds the same once."""
    names = runpy.run_path(str(ROOT / "benchmarks/planted_differences.py"))
    return {**names, "found": cache(names["found"])}


def planted(difference: float, generator: np.random.Generator, seeds: int = SEEDS) -> dict[str, NDArray[np.float64]]:
    """Return scores (seeds, pictures) of two folders, of which `b` is higher by `difference` in the truth."""
    shared = generator.normal(28, 3, PICTURES)
    noise = generator.normal(0, 0.1, (2, 1, PICTURES)) + generator.normal(0, 0.02, (2, seeds, 1))
    first, second = shared + noise + generator.normal(0, 0.03, (2, seeds, PICTURES))
    return {"a": first, "b": second + difference}


def judged(scores: dict[str, NDArray[np.float64]], better: str = "up", margin: float | None = None) -> Estimate:
    (one,) = estimates({"m": scores}, "a", {"m": better}, {} if margin is None else {"m": margin})
    return one


@pytest.mark.parametrize(("difference", "least"), [(0.0, 0.0), (0.05, 0.0), (0.2, 0.8)])
def test_the_direction_of_a_planted_difference_is_right_at_the_stated_rates(
    difference: float, least: float, benchmark: dict[str, Any]
) -> None:
    found = benchmark["found"](difference, SEEDS)
    directions = [one.direction for one in found]
    assert len(found) == 200 and found[0].seeds == SEEDS and len(benchmark["planted"](0, 3, np.random)["a"][0]) == 20
    wrong = directions.count("worse") + (directions.count("better") if difference == 0 else 0)
    assert not beyond_nominal(wrong, len(found))
    assert directions.count("better") >= least * len(found)
    missed = sum(not one.low <= difference <= one.high for one in found)
    assert not beyond_nominal(missed, len(found))


def test_the_printed_rates_are_those_of_the_simulation(benchmark: dict[str, Any]) -> None:
    page = (ROOT / "docs/compare.md").read_text(encoding="utf-8")
    assert benchmark["line"](0.2, SEEDS, benchmark["found"](0.2, SEEDS)) in page and benchmark["heading"]() in page


def test_the_estimate_is_the_interval_of_the_paired_differences() -> None:
    scores = planted(0.2, np.random.default_rng(0))
    one, bounds = judged(scores), interval([scores["b"] - scores["a"]])
    assert (one.difference, one.low, one.high, one.p_value) == (
        *(bounds.estimate, bounds.low, bounds.high, bounds.p_value),
    )
    assert one.mean == np.mean(scores["b"]) and one.reference_mean == np.mean(scores["a"])
    assert one.share == np.mean((scores["b"] - scores["a"]).mean(axis=0) > 0)
    assert (one.pictures, one.seeds, one.covers_seeds) == (PICTURES, SEEDS, True)
    assert (one.verdict, one.direction) == ("better", "better")


@pytest.mark.parametrize(("better", "difference", "verdict"), [
    ("up", 0.3, "better"), ("up", -0.3, "worse"), ("down", 0.3, "worse"), ("down", -0.3, "better"),
])  # fmt: skip
def test_the_direction_of_a_metric_counts_and_differences_keep_its_sign(
    better: str, difference: float, verdict: str
) -> None:
    one = judged(planted(difference, np.random.default_rng(3)), better)
    assert one.verdict == one.direction == verdict
    assert one.difference == pytest.approx(difference, abs=0.1) and one.low < one.difference < one.high
    assert (one.share > 0.5) == (verdict == "better")


@pytest.mark.parametrize(("better", "difference", "verdict"), [
    ("up", 0.3, "higher in one run"), ("up", -0.3, "lower in one run"), ("down", -0.3, "lower in one run"),
    ("down", 0.3, "higher in one run"), ("up", 0.0, "undecided"),
])  # fmt: skip
def test_one_run_gives_no_direction_and_no_equivalence(better: str, difference: float, verdict: str) -> None:
    for margin in (None, 0.01, 10.0):
        one = judged(planted(difference, np.random.default_rng(4), seeds=1), better, margin)
        assert (one.verdict, one.direction, one.covers_seeds) == (verdict, None, False)
        assert math.isnan(one.p_value) and math.isnan(one.p_equivalent) and math.isnan(one.p_beyond)
        assert "one seed" in one.method


@pytest.mark.parametrize(("difference", "margin", "verdict"), [
    (0.3, 0.1, "better by more than the margin"), (-0.3, 0.1, "worse by more than the margin"),
    (0.3, 0.6, "better by less than the margin"), (-0.3, 0.6, "worse by less than the margin"),
    (0.3, 0.3, "better"), (0.0, 0.3, "equivalent"), (0.0, 0.01, "undecided"),
])  # fmt: skip
def test_a_margin_asks_for_more_than_a_direction(difference: float, margin: float, verdict: str) -> None:
    one = judged(planted(difference, np.random.default_rng(5)), margin=margin)
    assert one.verdict == verdict and one.margin == margin
    assert one.direction == (None if verdict in ("equivalent", "undecided") else verdict.split()[0])


def test_p_values_are_adjusted_over_folders_and_metrics() -> None:
    generator = np.random.default_rng(6)
    alike = planted(0.14, generator)
    (single,) = estimates({"m": alike}, "a", {"m": "up"})
    others = {name: alike["a"] + generator.normal(0, 0.3, alike["a"].shape) for name in ("c", "d", "e")}
    several = estimates({"m": {**alike, **others}, "n": {**alike, **others}}, "a", {"m": "up", "n": "up"})
    assert [(one.metric, one.folder) for one in several] == [(m, f) for m in "mn" for f in "bcde"]
    assert several[0].p_value == single.p_value == single.p_holm < 0.05
    assert several[0].p_holm > 0.05 and (single.direction, several[0].direction) == ("better", None)


def test_pictures_that_are_perfect_count_in_the_share_and_are_named() -> None:
    scores = planted(0.2, np.random.default_rng(7))
    scores["b"][:, 0] = math.inf
    scores["a"][:, 1] = scores["b"][:, 1] = math.inf
    (one,) = estimates({"psnr": scores}, "a", {"psnr": "up"}, names=[f"p{k}" for k in range(PICTURES)])
    assert one.pictures == PICTURES - 1 and math.isfinite(one.difference) and one.mean == math.inf
    assert "1 picture has no finite difference (p0)" in one.note
    every = {"a": np.full((2, 3), math.inf), "b": np.full((2, 3), 30.0)}
    (none,) = estimates({"psnr": every}, "a", {"psnr": "up"}, names=["p0", "p1", "p2"])
    assert none.verdict == "not judged" and math.isnan(none.p_holm) and "fewer than two" in none.note
    assert "3 pictures have no finite difference (p0, p1, p2)" in none.note and none.share == 0.0
    (none,) = estimates({"psnr": {"a": every["b"], "b": every["a"]}}, "a", {"psnr": "up"})
    assert none.share == 1.0 and none.verdict == "not judged"


def test_scores_that_can_not_be_compared_are_named() -> None:
    with pytest.raises(UserError, match="b holds one picture"):
        judged({"a": np.ones((1, 1)), "b": np.ones((1, 1))})
    with pytest.raises(UserError, match="same seeds and pictures"):
        judged({"a": np.ones((1, 3)), "b": np.ones((2, 3))})
