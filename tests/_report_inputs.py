"""Small finished results of two tables, as the stage report finds them: made in a second, no training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lossbench.images import write_png
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.specs.tabulate import Cell, MetricColumn, PublishedValue, TabulateSpec

SIDE = (72, 80)
NAMES = ("bird", "boat", "bridge")
LOSSES = ("original", "vgg", "ctmae", "random_tmae")
METRICS = (("psnr", "up"), ("niqe", "down"))
# value of the metric under each loss; the pictures' values lie around it
VALUES = {
    "bicubic": (26.0, 7.5), "original": (30.0, 6.0), "vgg": (29.0, 4.0), "ctmae": (30.5, 5.0),
    "random_tmae": (29.9, 6.1),
}  # fmt: skip
PUBLISHED = {"original": (34.4, 4.2), "vgg": (34.1, 4.9), "ctmae": (34.5, 4.0)}
SPREAD = (0.4, -0.3, -0.1)
WARNING = "equals another row to four decimals"
CLIP = 12


def results(folder: Path, tables: tuple[str, ...] = ("table3",), **changes: Any) -> list[Path]:
    """Write everything that a report reads under `folder`; return the verdicts. `changes` replace entries of specs."""
    root = folder / "results/ci"
    generator = np.random.default_rng(0)
    pictures = {name: generator.integers(0, 256, (*SIDE, 3), dtype=np.uint8) for name in NAMES}
    entries = [Entry(name, "test", pixels, f"{name}.png", "CC0") for name, pixels in pictures.items()]
    write_arrays(root / "prepare/photographs", "target", entries, {"dataset": "photographs"})
    cells = [_run(root, loss, index, pictures) for index, loss in enumerate(("bicubic", *LOSSES))]
    _loss_network(root / "pretrain/mae_task/photographs")
    return [_table(root, name, cells, changes) for name in tables]


def rewrite(path: Path, **changes: Any) -> None:
    """Replace top-level entries of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


def _run(root: Path, loss: str, index: int, pictures: dict[str, Any]) -> Cell:
    """Write scores, pictures, card and history of one run of EDSR, or of the trivial answer."""
    network = "trivial" if loss == "bicubic" else "edsr"
    place = f"super_resolution_x2/photographs/{network}/{loss}/0"
    scores = root / "evaluate" / place / "photographs.csv"
    scores.parent.mkdir(parents=True)
    rows = [
        {"image": name, "metric": metric, "value": VALUES[loss][number] + SPREAD[position] * index}
        for number, (metric, _) in enumerate(METRICS)
        for position, name in enumerate(NAMES)
    ]
    pd.DataFrame(rows).to_csv(scores, index=False)
    for name, pixels in pictures.items():
        # each version is the ground truth with a bright square of its own
        restored = pixels.copy()
        restored[8 * index : 8 * index + 16, 40:60] = 255
        write_png(scores.with_name("photographs_pictures") / f"{name}.png", restored)
    card = None if network == "trivial" else root / "train" / place / "card.json"
    if card is not None:
        _train(card, loss, index)
    return Cell(
        column="x2", task="super_resolution_x2", dataset="photographs", test_set="photographs", network=network,
        loss=loss, seed=0, scores=str(scores), card=None if card is None else str(card),
    )  # fmt: skip


def _train(card: Path, loss: str, index: int) -> None:
    card.parent.mkdir(parents=True)
    spec = {
        "task": {"name": "super_resolution", "settings": {"scale": 2}},
        "loss": {"name": loss, "arguments": {}, "loss_network": None if loss == "original" else "mae"},
        "recipe": {"steps": 40},
    }
    content = {"spec": spec, "seconds": 10.0 * index, "peak_memory_mib": 512, "device": "a CPU",
               "precision": "bfloat16", "versions": {"python": "3.11", "torch": "2.9"}, "parameters": 100,
               "loss_network_file": None if loss == "original" else "pretrain/mae_task/photographs/network.safetensors",
               }  # fmt: skip
    card.write_text(json.dumps(content), encoding="utf-8")
    steps = np.arange(0, 41, 10)
    history = pd.DataFrame({"step": steps, "total": np.exp(-steps / 20) + 0.1, "pixel": np.exp(-steps / 20) + 0.05})
    history.to_csv(card.with_name("history.csv"), index=False)


def _loss_network(folder: Path) -> None:
    folder.mkdir(parents=True)
    card = {"spec": {"loss_network": "mae", "recipe": {"steps": 20}}, "seconds": 61.0, "parameters": 1234567,
            "probe_accuracy": 0.5, "probe_chance": 0.333, "device": "a CPU"}  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    pd.DataFrame({"step": [0, 10], "total": [1.0, 0.5]}).to_csv(folder / "history.csv", index=False)
    pd.DataFrame({"degradation": ["blur"], "recognised": [0.625]}).to_csv(folder / "probe.csv", index=False)
    write_png(folder / "reconstructions.png", np.zeros((24, 64, 3), dtype=np.uint8))


def _table(root: Path, name: str, cells: list[Cell], changes: dict[str, Any]) -> Path:
    published = tuple(
        PublishedValue(column="x2", network="edsr", loss=loss, metric=metric, value=values[number],
                       warning=WARNING if (loss, metric) == ("vgg", "psnr") else "")
        for loss, values in PUBLISHED.items()
        for number, (metric, _) in enumerate(METRICS)
    )  # fmt: skip
    fields: dict[str, Any] = {
        "paper": "mae_loss", "table": name, "title": f"Super-resolution, {name}", "scale": "ci", "columns": ("x2",),
        "networks": ("edsr",), "losses": LOSSES, "controls": ("random_tmae",), "reference_loss": "original",
        "trivials": ("bicubic",), "published": published, "cells": tuple(cells),
        "metrics": tuple(MetricColumn(name=metric, better=better, protocol=f"rgb, {metric} as published")
                         for metric, better in METRICS),
        "stand_ins": ("data set photographs stands in for div2k",), "settings": ("tokens aligned",),
    }  # fmt: skip
    spec = TabulateSpec(**{**fields, **changes})
    file = root / "tables/mae_loss" / f"{name}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    _long(spec).to_csv(file, index=False)
    for ending in ("_wide.csv", ".tex", ".md"):
        file.with_name(f"{name}{ending}").write_text("text", encoding="utf-8")
    verdict = root / "verdicts/mae_loss" / f"{name}.json"
    verdict.parent.mkdir(parents=True, exist_ok=True)
    verdict.write_text(json.dumps(_verdicts(spec)), encoding="utf-8")
    return verdict


def _long(spec: TabulateSpec) -> pd.DataFrame:
    rows = []
    for loss in LOSSES:
        for number, (metric, better) in enumerate(METRICS):
            change = VALUES[loss][number] - VALUES["original"][number]
            printed = PUBLISHED.get(loss, (None, None))[number]
            reference = PUBLISHED["original"][number]
            row = {
                "column": spec.columns[0], "network": "edsr", "loss": loss, "metric": metric, "better": better,
                "value": VALUES[loss][number], "sd_over_seeds": None, "n_images": 3, "n_seeds": 1, "difference": change,
                "published": printed, "published_warning": WARNING if (loss, metric) == ("vgg", "psnr") else None,
                "published_difference": None if printed is None else printed - reference,
                "trivial": VALUES["bicubic"][number], "device": "a CPU", "precision": "bfloat16", "code": "c0de",
            }  # fmt: skip
            if loss != "original":
                row |= {"low": change - 0.4, "high": change + 0.4, "p_holm": 0.01 if abs(change) > 0.4 else 0.6}
            rows.append(row)
    return pd.DataFrame(rows)


def _verdicts(spec: TabulateSpec) -> dict[str, Any]:
    place = {"column": spec.columns[0], "network": "edsr"}
    claim = {
        "kind": "text", "source": "section 4.3", "than": "original", "columns": ["x2"], "networks": ["edsr"],
        "pooled_difference": 0.5, "shift": 0.1, "p_value": 0.001, "p_holm": 0.004, "improved": 0.83,
        "probability_over_seeds": None, "published_warning": "", "n_images": 3, "n_seeds": 1, "reason": "",
    }  # fmt: skip
    claims = [
        {**claim, "id": "ctmae-psnr", "text": "CTMAE raises PSNR", "better": "ctmae", "metric": "psnr", "low": 0.1,
         "high": 0.9, "difference": 0.5, "published_difference": 0.1, "verdict": "confirmed in size"},
        {**claim, "id": "vgg-psnr", "text": "VGG raises PSNR", "better": "vgg", "metric": "psnr", "low": -1.4,
         "high": -0.6, "difference": -1.0, "published_difference": -0.3, "verdict": "contradicted",
         "reason": "the whole interval lies below zero"},
        {**claim, "id": "dnd", "kind": "ours", "text": "It helps on DND", "better": "ctmae", "metric": "psnr",
         "low": None, "high": float("nan"), "difference": None, "published_difference": None,
         "verdict": "not attempted"},
    ]  # fmt: skip
    shape = [{**place, "metric": "psnr", "tau": 0.333, "p_value": 1.0, "pairs_kept": 2, "pairs": 3,
              "same_winner": True, "losses": 3}]  # fmt: skip
    values = [{**place, "loss": "original", "metric": "psnr", "value": 30.0, "published": 34.4, "low": None,
               "published_warning": "", "high": None, "cv": None,
               "verdict": "not attempted (reduced scale)"}]  # fmt: skip
    harness = {"passed": True, "rows": 260, "failures": []}
    again = [{**place, "p_value": 0.61, "direction": False}]
    return {"spec": spec.model_dump(mode="json"), "harness": harness, "claims": claims, "shape": shape,
            "values": values, "again": again, "summary": _summary(), "missing": []}  # fmt: skip


def _summary() -> list[dict[str, Any]]:
    """Return what the table answers: vgg is better in perception, as is the control, and worse in distortion."""
    directions = {("vgg", "distortion"): "worse", ("vgg", "perception"): "better"}
    rows = []
    for number, ((metric, better), axis) in enumerate(zip(METRICS, ("distortion", "perception"), strict=True)):
        for loss in LOSSES[1:]:
            change = VALUES[loss][number] - VALUES["original"][number]
            direction = directions.get((loss, axis), "")
            rows.append(
                {
                    "loss": loss, "axis": axis, "metric": metric, "better": better, "difference": change,
                    "low": change - 0.9, "high": change + 0.9, "detectable": 1.286, "n_images": 3, "n_seeds": 1,
                    "p_value": 0.001 if direction else 0.3, "p_holm": 0.003 if direction else 0.6,
                    "direction": direction, "as_well": ["random_tmae"] if direction == "better" else [],
                }
            )  # fmt: skip
    return rows
