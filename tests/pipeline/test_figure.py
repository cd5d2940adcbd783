"""Stage figure: the numbers beside a figure are those of the runs, and all three of its files are written."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lossbench.errors import UserError
from lossbench.images import write_png
from pipeline import figure
from pipeline.specs.figure import Figure, FigureSpec
from pipeline.specs.tabulate import TRIVIAL, Cell, MetricColumn, TabulateSpec

LOSSES = ("l1", "l2_2", "l2_10", "log_cosh_2", "log_cosh_10", "log_cosh_100")
SEEDS = (0, 1)

SCATTER = {"kind": "scatter", "metric": "ssim", "losses": ["l1"], "against": ["l2"]}


def spec(folder: Path, shown: dict[str, Any], metrics: dict[str, str], pictures: int = 3) -> FigureSpec:
    """Write scores, histories and sheets of every cell, and return the figure of their table."""
    cells = []
    runs = [("vae", loss, seed) for loss in LOSSES for seed in SEEDS]
    for network, loss, seed in [(TRIVIAL, "mean_picture", 0), *runs]:
        run = folder / f"generate/task/digits/{network}/{loss}/{seed}"
        (run / "digits_pictures").mkdir(parents=True)
        rows = [
            {"image": f"p{n}", "metric": metric, "value": len(loss) + n + seed / 10, "picture": f"p{n}"}
            for metric in metrics
            for n in range(pictures)
        ]
        pd.DataFrame(rows).to_csv(run / "digits.csv", index=False)
        for name in ("originals", "reconstructions", "samples", "interpolations"):
            write_png(run / f"digits_pictures/{name}.png", np.full((64, 128, 3), 99, np.uint8))
        trained = folder / f"train/{network}/{loss}/{seed}"
        trained.mkdir(parents=True)
        history = pd.DataFrame({"step": [0, 5], "squared_error": [8.0, 4.0 + seed], "kl": [1.0, 2.0]})
        history.to_csv(trained / "history.csv", index=False)
        place = {"column": "mnist", "network": network, "loss": loss, "seed": seed}
        files = {"scores": str(run / "digits.csv"), "card": None if network == TRIVIAL else str(trained / "card.json")}
        cells.append(Cell.model_validate({**place, **files, "task": "task", "dataset": "digits", "test_set": "digits"}))
    words = {"paper": "log_cosh", "table": "figure6", "title": "Sweep", "scale": "ci", "stand_ins": (), "settings": ()}
    columns = [MetricColumn(name=name, better=better, protocol="") for name, better in metrics.items()]
    shape = {"columns": ("mnist",), "networks": ("vae",), "losses": LOSSES, "reference_loss": "l2_2", "published": ()}
    table = TabulateSpec.model_validate(
        {**words, **shape, "trivials": ("mean_picture",), "metrics": columns, "cells": cells}
    )
    return FigureSpec(figure=Figure.model_validate(shown), table=table)


SWEEP = {
    "kind": "sweep",
    "abscissa": "curvature at 0",
    "curves": {
        "L2": {"2": "l2_2", "10": "l2_10"},
        "log-cosh": {"2": "log_cosh_2", "10": "log_cosh_10", "100": "log_cosh_100"},
    },
}


def made(chosen: FigureSpec, output: Path) -> pd.DataFrame:
    # as a job gets it, by way of its canonical form
    figure.main(FigureSpec.model_validate_json(chosen.canonical()), "code", output)
    assert sorted(path.name for path in output.parent.iterdir()) == [f"f.{kind}" for kind in ("csv", "png", "svg")]
    with Image.open(output) as picture:
        assert picture.format == "PNG" and picture.width > 300
    assert output.with_suffix(".svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    return pd.read_csv(output.with_suffix(".csv"))


def test_a_sweep_draws_scores_by_curvature_and_histories(tmp_path: Path) -> None:
    chosen = spec(tmp_path, SWEEP, {"squared_error": "down", "kl": "down"})
    numbers = made(chosen, tmp_path / "figures/f.png")
    points = numbers[(numbers["panel"] == "squared_error") & (numbers["curve"] == "log-cosh")]
    assert points["x"].tolist() == [2.0, 10.0, 100.0] and (points["n_seeds"] == 2).all()
    # ten to twelve letters, the mean of three pictures and of two seeds
    assert points["value"].tolist() == pytest.approx([10 + 1 + 0.05, 11 + 1 + 0.05, 12 + 1 + 0.05])
    curve = numbers[(numbers["panel"] == "squared_error in training") & (numbers["loss"] == "l2_10")]
    assert curve["x"].tolist() == [0.0, 5.0] and curve["value"].tolist() == [8.0, 4.5]
    drawn = numbers.loc[numbers["panel"] == "squared_error in training", "loss"]
    assert set(drawn) == {"l2_2", "l2_10", "log_cosh_2", "log_cosh_100"}


@pytest.mark.parametrize("number", ["small", "0", "-2", "inf", "1_0"])
def test_what_is_no_number_of_a_curve_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=f"curves.L2: '{number}' is no number above 0"):
        Figure.model_validate({**SWEEP, "curves": {"L2": {number: "l2_2"}}})


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({**SWEEP, "curves": {"L2": {"2": "l2_2", "2.0": "l2_10"}}}, "curves.L2: 2.0 is given twice"),
        ({**SWEEP, "curves": {"L2": {"2": "l2_2", "3": "l2_2"}}}, "curves.L2: 'l2_2' is given twice"),
        ({**SWEEP, "curves": {"L2": {}}}, "curves.L2: it has no point"),
        ({**SWEEP, "curves": {name: {"2": "l2_2"} for name in "abcde"}}, "curves: 5, but 4 colours are told apart"),
        ({**SWEEP, "metric": "ssim"}, "metric: a figure of the kind sweep has none"),
        ({**SCATTER, "losses": ["l1", "l1"]}, "losses and against: 'l1' is given twice"),
        ({**SCATTER, "losses": ["l2"]}, "losses and against: 'l2' is given twice"),
        ({**SCATTER, "losses": list("abcde")}, "losses: 5, but 4 marks are told apart"),
        ({"kind": "gallery", "abscissa": "a"}, "abscissa: a figure of the kind gallery has none"),
    ],
)
def test_what_no_figure_shows_is_refused(entries: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Figure.model_validate(entries)


def test_a_scatter_counts_the_pictures_that_are_won(tmp_path: Path) -> None:
    shown = {"kind": "scatter", "metric": "ssim", "losses": ["log_cosh_2", "log_cosh_10"], "against": ["l1", "l2_10"]}
    numbers = made(spec(tmp_path, shown, {"ssim": "up"}), tmp_path / "figures/f.png")
    won = numbers.groupby(["against", "loss"])["won"].agg(["sum", "count"])
    assert won.loc["l1", "log_cosh_2"].tolist() == [3, 3]
    assert won.loc["l2_10", "log_cosh_10"].tolist() == [3, 3]


def test_a_gallery_shows_every_sheet_and_its_numbers(tmp_path: Path) -> None:
    numbers = made(spec(tmp_path, {"kind": "gallery"}, {"kl": "down"}), tmp_path / "figures/f.png")
    assert set(numbers["loss"]) == {*LOSSES, "mean_picture"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    chosen = spec(tmp_path, SWEEP, {"squared_error": "down", "kl": "down"})
    path = tmp_path / "train/vae/l2_2/1/history.csv"
    path.unlink()
    with pytest.raises(UserError, match=r"train/vae/l2_2/1/history\.csv can't be drawn"):
        figure.main(chosen, "code", tmp_path / "figures/f.png")
