"""Scores read for statistics: crops of one picture are one image, and cells of a column score the same crops."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lossbench.errors import UserError
from lossbench.statistics.comparison import compared
from lossbench.statistics.intervals import interval
from pipeline.outputs.scores import Paired, differences, paired, read_scores
from pipeline.specs.tabulate import Cell

Values = dict[str, float]


def cell(folder: Path, loss: str, seed: int, errors: Values) -> Cell:
    """Write the scores of one cell, each value of `errors` as an error and a tenth of it as another metric."""
    path = folder / f"{loss}{seed}.csv"
    rows = [
        {"image": image, "picture": image.partition("~")[0], "metric": metric, "value": value * factor}
        for image, value in errors.items()
        for metric, factor in (("error", 1.0), ("tenth", 0.1))
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    names = {"column": "x4", "task": "x4", "dataset": "d", "test_set": "t", "network": "net", "card": None}
    return Cell.model_validate({**names, "loss": loss, "seed": seed, "scores": str(path)})


def test_crops_of_one_picture_are_one_image(tmp_path: Path) -> None:
    first = {"b-test~00": 100.0, "b-test~01": 0.0, "a-test~00": 0.0, "b-test~02": 100.0, "b-test~03": 100.0}
    second = dict.fromkeys(first, 100.0)
    found = read_scores([cell(tmp_path, "robust", 0, first), cell(tmp_path, "plain", 0, second)])
    assert list(found.columns) == ["image", "metric", "value", "column", "network", "loss", "seed", "test_set"]
    robust = found[(found["loss"] == "robust") & (found["metric"] == "error")]
    assert dict(zip(robust["image"], robust["value"], strict=True)) == {"b-test": 75.0, "a-test": 0.0}
    assert set(found[found["metric"] == "tenth"]["value"]) == {7.5, 0.0, 10.0}
    [array] = differences(found, "error", "plain", "robust", ["x4"], ["net"])
    assert array.tolist() == [[100.0, 25.0]]
    assert interval([array]).n_images == 2


def test_seeds_of_crops_stay_apart(tmp_path: Path) -> None:
    values = [{"a~00": 0.0, "a~01": 100.0 * seed, "b~00": 50.0} for seed in (0, 1)]
    cells = [cell(tmp_path, loss, seed, values[seed]) for loss in ("one", "two") for seed in (0, 1)]
    found = read_scores(cells)
    assert len(found) == 2 * 2 * 2 * 2
    assert found[(found["image"] == "a") & (found["metric"] == "error")]["value"].tolist() == [0.0, 50.0, 0.0, 50.0]


def test_pictures_of_their_own_are_left_as_they_are(tmp_path: Path) -> None:
    found = read_scores([cell(tmp_path, "one", 0, {"0801": math.inf, "0802": 0.1 + 0.2})])
    assert found["image"].tolist() == ["0801", "0801", "0802", "0802"]
    assert found["value"].tolist()[::2] == [math.inf, 0.1 + 0.2]
    assert found.equals(found[["image", "metric", "value", "column", "network", "loss", "seed", "test_set"]])


def test_a_cell_that_lacks_a_crop_is_named(tmp_path: Path) -> None:
    cells = [cell(tmp_path, "one", 0, {"a~00": 1.0, "a~01": 1.0}), cell(tmp_path, "two", 0, {"a~00": 1.0})]
    with pytest.raises(UserError, match=r"two0\.csv scores other pictures or metrics than .*one0\.csv"):
        read_scores(cells)
    assert np.isfinite(read_scores(cells[:1])["value"]).all()


def test_tiles_know_their_places_and_the_interval_counts_fewer_of_them(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((2, 8))
    cells = []
    for loss, row in zip(("one", "two"), values, strict=True):
        made = cell(tmp_path, loss, 0, {f"tile{index}": float(value) for index, value in enumerate(row)})
        frame = pd.read_csv(made.scores)
        numbers = frame["image"].str.removeprefix("tile").astype(int)
        frame["place"] = [f"{number // 2} {number % 2}" for number in numbers]
        frame.to_csv(made.scores, index=False)
        cells.append(made)
    [found] = paired(read_scores(cells), "error", "one", "two", ["x4"], ["net"])
    assert found.layout == tuple((index // 2, index % 2) for index in range(8))
    joined, apart = compared([found]), compared([found._replace(layout=None)])
    assert joined is not None and apart is not None and joined.layouts == [found.layout]
    assert joined.bounds.high - joined.bounds.low > 1.2 * (apart.bounds.high - apart.bounds.low)


def test_a_tile_that_is_left_out_leaves_the_places_of_the_others(tmp_path: Path) -> None:
    values = np.array([[1.0, np.inf, 2.0, 4.0]])
    layout = ((0, 0), (0, 1), (1, 0), (1, 1))
    comparison = compared([Paired("t", ("a", "b", "c", "d"), values, layout)])
    assert comparison is not None and comparison.layouts == [((0, 0), (1, 0), (1, 1))]
