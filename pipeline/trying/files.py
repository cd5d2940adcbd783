"""The files of a trial in the user's folder of the configuration: its scale, its table and its claims."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lossbench.files import write_text
from lossbench.names import counted
from pipeline.config import places
from pipeline.config.extending import read_scale
from pipeline.config.files import read_yaml
from pipeline.config.papers import CLAIM
from pipeline.specs.recipe import Recipe
from pipeline.trying.asked import Asked

METRICS = ("psnr", "ssim")
SCHEMAS = "../../../workflow/schemas"
"""From the folder of a scale; that of a table lies one deeper."""


@dataclass(frozen=True)
class Length:
    """How long the runs of a trial are."""

    recipe: Recipe
    """Of the runs under both losses."""
    pretraining: Mapping[str, int]
    """Steps of loss networks by name, where they are fewer than in the base scale."""
    source: str
    """Why."""


def scale_file(config: Path, name: str) -> Path:
    """Return where the scale of the trial `name` lies."""
    return config / places.MINE / "scale" / f"{name}.yaml"


def table_file(config: Path, name: str) -> Path:
    """Return where its table lies."""
    return config / places.MINE / "tables" / places.MINE / f"{name}.yaml"


def claims_file(config: Path, name: str) -> Path:
    """Return where the claims on its table lie."""
    return config / places.MINE / "claims" / places.MINE / f"{name}.csv"


def all_files(config: Path, name: str) -> list[Path]:
    """List the files of the trial `name`."""
    return [each(config, name) for each in (scale_file, table_file, claims_file)]


def is_chosen(config: Path, name: str) -> bool:
    """Return whether the scale of the trial `name` is there with the length of its runs."""
    file = scale_file(config, name)
    return file.is_file() and "networks" in (read_yaml(file) or {})


def write_question(config: Path, asked: Asked, crop: int) -> None:
    """Write table and claims; `crop` is the border that no metric looks at, in pixels."""
    table = {
        "title": f"{asked.loss} against {asked.against}: {asked.network}, {asked.task} (a trial)",
        "columns": {"trial": {"task": asked.task, "dataset": asked.dataset, "test_set": {"dataset": asked.dataset}}},
        "networks": [asked.network],
        "losses": [asked.against, asked.loss],
        "reference_loss": asked.against,
        "metrics": {
            name: {"colour": "rgb", "crop": crop, "source": "a trial's protocol: RGB, 8 bit, a border of the scale"}
            for name in METRICS
        },
        "settings": [f"a trial, made by {asked.command}"],
    }
    _write_yaml(table_file(config, asked.name), "table", f"../{SCHEMAS}", asked, table)
    rows = [
        {
            "id": name,
            "kind": "ours",
            "table": asked.table,
            "better": asked.loss,
            "than": asked.against,
            "metric": name,
            "source": "question of a trial",
            "text": f"{asked.loss} gives a better {name.upper()} than {asked.against}",
        }
        for name in METRICS
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, CLAIM, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(claims_file(config, asked.name), text.getvalue())


def write_scale(config: Path, asked: Asked, gpus: int, length: Length | None = None) -> None:
    """Write the scale, with runs of a `length` of their own or as long as in the base scale."""
    base, _ = read_scale(config, asked.extends)
    scale: dict[str, Any] = {
        "extends": asked.extends,
        "title": f"trial of {asked.loss} against {asked.against} ({asked.time}, {counted(asked.seeds, 'seed')})",
        "seeds": list(range(asked.seeds)),
        # one seed alone tells nothing of what two runs differ by
        "noise_seeds": [] if asked.seeds > 1 else [1, 2],
        "full": False,
        "gpus": gpus,
    }
    if length is not None:
        recipe = length.recipe
        # whole: what differs for a task is not merged into the recipe's
        own = {"steps": recipe.steps, "history": recipe.history, "schedule": recipe.schedule.model_dump(mode="json")}
        network: dict[str, Any] = {"recipe": own, "source": length.source}
        if asked.task in base.networks[asked.network].per_task:
            network["per_task"] = {asked.task: own}
        scale["networks"] = {asked.network: network}
        if length.pretraining:
            steps = length.pretraining
            scale["loss_networks"] = {name: {"recipe": {"steps": count}} for name, count in steps.items()}
    # what is asked for by its name is itself
    if ours := base.stand_in(asked.dataset):
        scale["stand_ins"] = {ours: [name for name in base.stand_ins[ours] if name != asked.dataset]}
    if asked.dataset in base.absent:
        scale["absent"] = [name for name in base.absent if name != asked.dataset]
    if asked.folder:
        scale["data_folders"] = {asked.dataset: asked.folder}
    if asked.own_losses:
        scale["losses"] = {name: {"loss": file} for name, file in asked.own_losses.items()}
    _write_yaml(scale_file(config, asked.name), "scale", SCHEMAS, asked, scale)


def _write_yaml(file: Path, kind: str, schemas: str, asked: Asked, content: Mapping[str, Any]) -> None:
    head = f"# yaml-language-server: $schema={schemas}/{kind}.schema.json\n# Written by {asked.command}\n"
    write_text(file, head + yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120))
