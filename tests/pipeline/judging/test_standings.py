"""Losses in a plane: the strength is chosen on val alone, places are those planted, means and bounds right."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lossbench.errors import UserError
from pipeline import figure
from pipeline.judging.standings import standings
from pipeline.specs.figure import Figure, FigureSpec
from pipeline.specs.tabulate import TRIVIAL, Cell, MetricColumn, TabulateSpec

SEEDS, IMAGES = (0, 1, 2), 12
PSNR = {"l1": 30.0, "sharp_1": 29.0, "sharp_4": 28.0, "bad_1": 29.5, "bad_4": 29.4, "l1_sharpened": 29.9}
DISTANCE = {"l1": 0.5, "sharp_1": 0.3, "sharp_4": 0.2, "bad_1": 0.7, "bad_4": 0.6, "l1_sharpened": 0.8}
ON_VAL = {**DISTANCE, "sharp_1": 0.1}
"""Where the weaker one looks better than it does on test."""
SHOWN: dict[str, Any] = {
    "kind": "plane",
    "abscissa": "strength",
    "distortion": "psnr",
    "perception": "lpips",
    "chosen_on": {"x4": "x4_val"},
    "curves": {"l1": {"1": "l1"}, "sharp": {"1": "sharp_1", "4": "sharp_4"}, "bad": {"1": "bad_1", "4": "bad_4"}},
}


def spec(folder: Path) -> FigureSpec:
    """Write scores and cards of every cell, and return the figure of their table."""
    generator = np.random.default_rng(0)
    images = generator.normal(0, 1, IMAGES)
    cells = []
    for column, distance in (("x4", DISTANCE), ("x4_val", ON_VAL)):
        for loss, seed in [(loss, seed) for loss in PSNR for seed in SEEDS] + [("ground_truth", 0)]:
            place = folder / column / loss / str(seed)
            place.mkdir(parents=True)
            whole = loss == "ground_truth"
            means = {"psnr": np.inf if whole else PSNR[loss], "lpips": 0.0 if whole else distance[loss]}
            rows = [
                {"image": f"p{n}", "metric": metric, "value": mean + size * (images[n] + generator.normal(0, 0.05))}
                for (metric, mean), size in zip(means.items(), (1.0, 0.1), strict=True)
                for n in range(IMAGES)
            ]
            pd.DataFrame(rows).to_csv(place / "scores.csv", index=False)
            trained = loss not in ("l1_sharpened", "ground_truth")
            steps = {"seconds": 50.0 if loss.startswith("sharp") else 10.0, "spec": {"recipe": {"steps": 100}}}
            (place / "card.json").write_text(json.dumps(steps), encoding="utf-8")
            where = {"column": column, "network": "edsr", "loss": loss, "seed": seed, "test_set": column}
            files = {"scores": str(place / "scores.csv"), "card": str(place / "card.json") if trained else None}
            cells.append(Cell.model_validate({**where, **files, "task": "task", "dataset": "bsds500"}))
    words = {"paper": "beyond", "table": "losses", "title": "Losses", "scale": "ci", "stand_ins": (), "settings": ()}
    metrics = [MetricColumn(name=name, better=way, protocol="") for name, way in (("psnr", "up"), ("lpips", "down"))]
    shape = {"columns": ("x4", "x4_val"), "networks": ("edsr",), "reference_loss": "l1", "published": ()}
    answers = ("l1_sharpened", "ground_truth")
    losses = {"losses": (*PSNR, "ground_truth"), "answers": answers, "trivials": (TRIVIAL,)}
    table = TabulateSpec.model_validate({**words, **shape, **losses, "metrics": metrics, "cells": cells})
    return FigureSpec(figure=Figure.model_validate(SHOWN), table=table)


def test_each_loss_has_its_place(tmp_path: Path) -> None:
    rows = standings(spec(tmp_path)).set_index("loss")
    assert list(rows.index[rows["chosen"]]) == ["l1", "sharp_1", "bad_4"]
    assert rows["place"].to_dict() == {
        "l1": "on the front",
        "sharp_1": "on the front",
        "sharp_4": "",
        "bad_1": "",
        "bad_4": "behind",
        "l1_sharpened": "behind",
        # its PSNR is infinite
        "ground_truth": "",
    }
    assert rows.loc["bad_4", "behind"] == "l1" and rows.loc["l1", "behind"] == ""
    assert set(rows["column"]) == {"x4"} and rows.loc["sharp_4", "n_seeds"] == 3


def test_numbers_are_means_and_bounds_and_costs(tmp_path: Path) -> None:
    chosen = spec(tmp_path)
    rows = standings(chosen).set_index("loss")
    values = [pd.read_csv(tmp_path / f"x4/sharp_4/{seed}/scores.csv") for seed in SEEDS]
    psnr = pd.concat(values).query("metric == 'psnr'")["value"].mean()
    assert rows.loc["sharp_4", "psnr"] == pytest.approx(psnr)
    assert -2.1 < rows.loc["sharp_4", "psnr_low"] < -2 < rows.loc["sharp_4", "psnr_high"] < -1.9
    assert -0.31 < rows.loc["sharp_4", "lpips_low"] < -0.3 < rows.loc["sharp_4", "lpips_high"] < -0.29
    assert np.isnan(rows.loc["l1", "psnr_low"]) and rows.loc["l1", "cost"] == 1
    assert rows.loc["sharp_1", "cost"] == pytest.approx(5)
    assert np.isnan(rows.loc["l1_sharpened", "cost"]) and np.isnan(rows.loc["l1_sharpened", "number"])


def test_it_is_drawn_with_its_numbers(tmp_path: Path) -> None:
    chosen, output = spec(tmp_path), tmp_path / "figures/f.png"
    figure.main(FigureSpec.model_validate_json(chosen.canonical()), "code", output)
    written = pd.read_csv(output.with_suffix(".csv"), keep_default_na=False)
    assert list(written["loss"]) == ["bad_1", "bad_4", "l1", "sharp_1", "sharp_4", "l1_sharpened", "ground_truth"]
    assert output.stat().st_size > 5000 and "on the front" in output.with_suffix(".svg").read_text(encoding="utf-8")


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    chosen = spec(tmp_path)
    (tmp_path / "x4/bad_1/2/card.json").unlink()
    with pytest.raises(UserError, match=r"x4/bad_1/2/card\.json can't be read"):
        standings(chosen)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen_on": {"x4": "x4"}}, "chosen_on: 'x4' is drawn, where what is chosen on it looks good"),
        ({"chosen_on": {}}, "a figure of the kind plane needs curves and abscissa and distortion and perception"),
        ({"against": ["l1"]}, "against: a figure of the kind plane has none"),
    ],
)
def test_what_no_plane_shows_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Figure.model_validate({**SHOWN, **change})
