"""A small table's spec, for tests of what tabulates, judges and evaluates."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from _repository import ROOT

from pipeline import tabulate
from pipeline.specs.tabulate import Cell, MetricColumn, PublishedValue, TabulateSpec

CONFIG = ROOT / "config"
PSNR = MetricColumn(name="psnr", better="up", protocol="rgb, border of 8 px left out")
NIQE = MetricColumn(name="niqe", better="down", protocol="y601, border of 0 px left out")
STAND_IN = "data set photographs stands in for div2k"
REASON = "equals another row to four decimals"
ORIGINAL = {"psnr": {0: (30.0, 32.0), 1: (31.0, 35.0)}, "niqe": {0: (4.0, 6.0), 1: (5.0, 5.0)}}
VGG = {"psnr": {0: (29.0, 31.0), 1: (29.0, 33.0)}, "niqe": {0: (3.0, 5.0), 1: (4.0, 4.0)}}
BICUBIC = {"psnr": {0: (28.0, 30.0)}, "niqe": {0: (6.0, 8.0)}}
Scores = Mapping[str, Mapping[int, tuple[float, ...]]]
"""Metric to seed to the scores of the pictures a, b ..."""


def write_scores(path: Path, seed: int, scores: Scores) -> None:
    """Write one file of scores as the stage evaluate does."""
    rows = [
        {"image": image, "metric": metric, "value": value, "colour": "rgb", "crop": 0, "rounding": True, "code": "0"}
        for metric, by_seed in scores.items()
        for image, value in zip("abcdef", by_seed[seed], strict=False)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def write_card(path: Path, *, seconds: float = 2.0, parameters: int = 100) -> None:
    """Write one card as the stage train does, as far as a table reads it."""
    card = {"parameters": parameters, "seconds": seconds, "device": "a CPU", "precision": "float32"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**card, "spec": {"recipe": {"steps": 6}}}), encoding="utf-8")


def cell(folder: Path, network: str, loss: str, seed: int, scores: Scores) -> Cell:
    """Write the files of one cell of the column x2 and return it."""
    run = folder / network / loss / str(seed)
    write_scores(run / "scores.csv", seed, scores)
    if network != "trivial":
        write_card(run / "card.json", seconds=2.0 + 2 * seed)
    return Cell(
        column="x2",
        task="super_resolution_x2",
        dataset="photographs",
        test_set="photographs",
        network=network,
        loss=loss,
        seed=seed,
        scores=str(run / "scores.csv"),
        card=None if network == "trivial" else str(run / "card.json"),
    )


def small_spec(folder: Path, seeds: tuple[int, ...] = (0, 1), **changes: Any) -> TabulateSpec:
    """Write and describe a table of one column, one network and two losses."""
    cells = [cell(folder, "trivial", "bicubic", 0, BICUBIC)]
    cells += [cell(folder, "edsr", "original", seed, ORIGINAL) for seed in seeds]
    cells += [cell(folder, "edsr", "vgg", seed, VGG) for seed in seeds]
    published = [("original", "psnr", 34.4167, ""), ("vgg", "psnr", 34.1299, REASON), ("original", "niqe", 4.1502, "")]
    fields = {
        "paper": "mae_loss",
        "table": "table3",
        "title": "A 50 % table of R&D",
        "scale": "ci",
        "columns": ("x2",),
        "networks": ("edsr",),
        "losses": ("original", "vgg"),
        "reference_loss": "original",
        "trivials": ("bicubic",),
        "metrics": (PSNR, NIQE),
        "cells": tuple(cells),
        "published": tuple(
            PublishedValue(column="x2", network="edsr", loss=loss, metric=metric, value=value, warning=warning)
            for loss, metric, value, warning in published
        ),
        "stand_ins": (STAND_IN,),
        "settings": ("tokens aligned",),
    }
    return TabulateSpec(**{**fields, **changes})


def written(spec: TabulateSpec, folder: Path) -> dict[str, str]:
    """Run the stage tabulate and return its five files by suffix."""
    tabulate.main(spec, "0123456789ab", folder / "tables/table3.csv")
    names = {"csv": "table3.csv", "wide": "table3_wide.csv", "md": "table3.md", "tex": "table3.tex"}
    names["html"] = "table3.html"
    return {key: (folder / "tables" / name).read_text(encoding="utf-8") for key, name in names.items()}


def row(table: pd.DataFrame, loss: str, metric: str) -> dict[str, Any]:
    """Return the one row of a loss and a metric."""
    (found,) = table[(table["loss"] == loss) & (table["metric"] == metric)].to_dict("records")
    return {str(name): value for name, value in found.items()}
