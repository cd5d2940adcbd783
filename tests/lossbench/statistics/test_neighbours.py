"""Tiles of one scene resemble their neighbours: the interval counts them by their effective number."""

import sys
from types import ModuleType

import numpy as np
import pytest
from _repository import ROOT
from numpy.typing import NDArray

from lossbench.statistics import bootstrap, neighbours
from lossbench.statistics.intervals import equivalent, interval

STRIP = tuple((row, column) for row in range(11) for column in range(2))


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """Return benchmarks/tile_coverage.py as a module."""
    import importlib.util

    found = importlib.util.spec_from_file_location("tile_coverage", ROOT / "benchmarks/tile_coverage.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def rows(page: str) -> dict[tuple[str, str], list[str]]:
    found = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {(words[0], words[1]): words[2:] for words in found}


def white(count: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((1, count))


def test_morans_i_by_hand() -> None:
    layout = ((0, 0), (0, 1), (1, 0), (1, 1))
    alike, opposite = np.array([[1.0, 1.0, -1.0, -1.0]]), np.array([[1.0, -1.0, -1.0, 1.0]])
    assert neighbours.morans_i(opposite, layout) == pytest.approx([-1.0])
    assert neighbours.morans_i(alike, layout) == pytest.approx([0.0])
    assert neighbours.morans_i(np.ones((1, 4)), layout) == pytest.approx([0.0])
    assert neighbours.morans_i(alike, ((0, 0), (0, 2), (2, 0), (2, 2))) == pytest.approx([0.0])


def test_tiles_that_nothing_joins_are_still_taken_to_resemble_their_neighbours() -> None:
    apart = interval([white(22)])
    joined = interval([white(22)], layouts=[STRIP])
    assert joined.estimate == apart.estimate
    assert joined.high - joined.low > 1.5 * (apart.high - apart.low)
    assert "effective number" in joined.method and "effective number" not in apart.method


def test_the_more_alike_neighbours_are_the_wider_is_the_interval() -> None:
    values = np.sort(white(22))
    width = [one.high - one.low for one in (interval([each], layouts=[STRIP]) for each in (white(22), values))]
    assert width[1] > 1.3 * width[0]


def test_independent_images_keep_their_interval_and_scenes_far_apart_are_independent() -> None:
    values = white(9)
    assert interval([values], layouts=[None]) == interval([values])
    far = tuple((0, 2 * neighbours.APART * index) for index in range(9))
    error, freedom = neighbours.widened([values], [far])
    assert (error[0], freedom[0]) == (pytest.approx(values.std(ddof=1) / 3), pytest.approx(8))


def test_sets_of_tiles_and_of_pictures_are_put_together() -> None:
    tiles, pictures = white(22), white(9, 1)
    alone = [neighbours.widened([one], [layout])[0][0] for one, layout in ((tiles, STRIP), (pictures, None))]
    error, freedom = neighbours.widened([tiles, pictures, white(1)], [STRIP, None, None])
    assert error[0] == pytest.approx(np.hypot(*alone) / 3)
    assert 1 < freedom[0] < 21 + 8


def test_equal_tiles_and_two_of_them_have_an_interval() -> None:
    equal = interval([np.full((1, 22), 2.0)], layouts=[STRIP])
    assert (equal.low, equal.high) == (2.0, 2.0)
    two = interval([np.array([[0.0, 1.0]])], layouts=[STRIP[:2]])
    assert np.isfinite([two.low, two.high]).all() and two.low < 0 < 1 < two.high


def test_equivalence_rests_on_the_same_draws() -> None:
    values = white(22)
    bounds = interval([values], level=0.9, layouts=[STRIP])
    edge = max(abs(bounds.low), abs(bounds.high))
    assert (
        equivalent([values], 1.01 * edge, layouts=[STRIP]) < 0.05 < equivalent([values], 0.99 * edge, layouts=[STRIP])
    )


def test_seeds_add_their_noise(benchmark: ModuleType) -> None:
    tiles = benchmark.fields(benchmark.Scene(11, 2), 0.85, 400, np.random.default_rng(0))
    noise = np.random.default_rng(1).standard_normal((400, 3, 1))
    _, values = bootstrap.draws([tiles[:, None] + noise], 1000, 0, layouts=[STRIP])
    low, high = np.quantile(values, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) > 0.93


def test_tiles_are_covered_as_the_page_says(benchmark: ModuleType) -> None:
    page = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
    assert f"<!-- made by: uv run python {benchmark.COMMAND} -->\n{benchmark.heading()}" in page
    printed = rows(page)
    for scene in benchmark.SCENES:
        for length in benchmark.RANGES:
            assert f"{length:g}" in {key[1] for key in printed if key[0] == scene.words}
    chosen = [printed[scene.words, f"{length:g}"] for scene, length in benchmark.MEASURED.items()]
    assert all(float(words[-1]) >= 0.93 for words in chosen), chosen
    scene = benchmark.Scene(11, 2)
    found = benchmark.line(scene, 1.25, data_sets=1000).strip("| ").split(" | ")
    assert float(found[-1]) == pytest.approx(float(printed[scene.words, "1.25"][-1]), abs=0.03)
