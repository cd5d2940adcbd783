"""The 95 % interval holds the truth as often as it says; docs/statistics.md prints what the simulation gives."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest
from _repository import ROOT

from lossbench.statistics import bootstrap
from lossbench.statistics.intervals import interval

PAGE = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
COMMAND = "uv run python benchmarks/interval_coverage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """Return benchmarks/interval_coverage.py as a module."""
    import importlib.util

    found = importlib.util.spec_from_file_location("interval_coverage", ROOT / "benchmarks/interval_coverage.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


def rows() -> list[list[str]]:
    """Return the words of each row of the printed table."""
    table = re.findall(r"<!-- coverage -->\n(.*?)<!-- /coverage -->", PAGE, re.DOTALL)
    assert len(table) == 1
    return [line.strip("| ").split(" | ") for line in str(table[0]).splitlines() if line.startswith("|")][2:]


def test_many_data_sets_at_once_get_the_intervals_of_one_at_a_time(benchmark: ModuleType) -> None:
    sets = benchmark.simulated(benchmark.Case(0.1, 1, 0.1, "t3", (5, 30)), 4, 3, np.random.default_rng(0))
    estimates, values = bootstrap.draws(sets, 2000, 0)
    low, high = benchmark.bounds(values)
    for index in range(4):
        one = interval([part[index] for part in sets], resamples=2000)
        assert (one.estimate, one.low, one.high) == pytest.approx((estimates[index], low[index], high[index]))


def test_the_standard_errors_by_hand() -> None:
    pattern = np.array([[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]])
    sets = np.array([pattern + np.array([[3.0], [0.0], [-3.0]]), pattern, pattern + np.array([0.0, 4.0])])
    by_seeds, by_images = bootstrap.standard_errors([sets])
    # variance of 3, 0, -3 over 3 seeds: 9 / 3; residual sum of squares 4 over 2 x 1 degrees and 3 x 2 values, half off
    assert by_seeds == pytest.approx([np.sqrt(9 / 3 - 4 / 2 / 6 / 2), 0, 0])
    # image means 0 and 4: variance 8 over 2 images
    assert by_images == pytest.approx([0, 0, 2])


def test_the_simulated_variances_are_those_asked_for(benchmark: ModuleType) -> None:
    for shape in ("normal", "log-normal 0.5"):
        effects = benchmark.image_effects(shape, (200_000,), np.random.default_rng(0))
        assert (effects.mean(), effects.var()) == pytest.approx((0, 1), abs=0.02)
    (one,) = benchmark.simulated(benchmark.Case(4, 0, 1), 20_000, 2, np.random.default_rng(0))
    assert one.mean(axis=2).var() == pytest.approx(4.01, rel=0.03)


QUICK = [(0, 1, 0.1), (1, 1, 1), (10, 1, 1)]


@pytest.mark.parametrize(("seeds", "least", "most"), [(3, 0.90, 0.99), (10, 0.93, 0.97)])
@pytest.mark.parametrize("variances", QUICK)
def test_the_interval_covers(
    benchmark: ModuleType, variances: tuple[float, float, float], seeds: int, least: float, most: float
) -> None:
    assert least < benchmark.coverage(benchmark.Case(*variances), seeds, data_sets=1000) < most


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "least", "most"), [(3, 0.90, 0.99), (10, 0.93, 0.97)])
def test_the_interval_covers_at_every_ratio_and_shape(
    benchmark: ModuleType, seeds: int, least: float, most: float
) -> None:
    cases = [case for case in benchmark.CASES if case.images == (100,)]
    found = {case: benchmark.coverage(case, seeds, data_sets=1000) for case in cases}
    assert len(found) == 15
    # the share of 1,000 simulations has a standard error of 0.007
    assert all(least - 0.01 < share < most + 0.01 for share in found.values()), found
    assert least < np.mean(list(found.values())) < most


@pytest.mark.slow
def test_the_interval_covers_several_sets_of_different_sizes(benchmark: ModuleType) -> None:
    cases = [case for case in benchmark.CASES if len(case.images) == 5 and case.shape in ("normal", "log-normal 0.5")]
    for case in cases:
        assert 0.92 < benchmark.coverage(case, 3, data_sets=500) < 0.995, case


def test_the_plain_bootstrap_does_not_cover_with_three_seeds(benchmark: ModuleType) -> None:
    assert benchmark.coverage(benchmark.Case(10, 1, 1), 3, "plain", data_sets=500) < 0.80


def test_the_page_prints_every_case_and_names_its_command(benchmark: ModuleType) -> None:
    assert f"`{COMMAND}`" in PAGE
    assert len(rows()) == len(benchmark.CASES)
    assert benchmark.heading() in PAGE


def test_a_row_of_the_page_is_what_the_code_gives(benchmark: ModuleType) -> None:
    case = benchmark.Case(0, 1, 0.1, images=(5,))
    (row,) = [words for words in rows() if words[:3] == ["0 : 1 : 0.1", "normal", "5"]]
    # another library of matrix products may move a few of 4,000 ends across the truth
    assert float(row[3]) == pytest.approx(benchmark.coverage(case, 1), abs=0.002)
    assert float(row[5]) == pytest.approx(benchmark.coverage(case, 10), abs=0.002)


def test_the_page_says_no_better_of_the_interval_than_its_table() -> None:
    numbers = [row for row in rows() if row[2] == "100"]
    assert all(0.93 <= float(row[5]) <= 0.97 and float(row[4]) > 0.90 for row in numbers), numbers
