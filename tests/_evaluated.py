"""Specs, models and pictures for the stage evaluate."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lossbench import networks, storage
from pipeline import evaluate
from pipeline.outputs.arrays import Arrays, Entry
from pipeline.specs.evaluate import EvaluateSpec, MetricSpec
from pipeline.specs.train import NetworkSpec, TaskSpec

TASK = TaskSpec(name="super_resolution", settings={"scale": 2})
NETWORK = NetworkSpec(name="edsr", arguments={"scale": 2, "channels": 4, "blocks": 1})
METRICS = (
    MetricSpec(name="psnr", file="psnr", colour="rgb", crop=2, rounding=True),
    MetricSpec(name="psnr", file="psnr", colour="y601", crop=0, rounding=False),
)
Evaluate = Callable[..., list[dict[str, str]]]


def spec(**changes: Any) -> EvaluateSpec:
    values: dict[str, Any] = {
        "network": None,
        "trivial": "bicubic",
        "metrics": METRICS,
        "keep_pictures": 1,
        "tile": None,
    }
    return EvaluateSpec(task=TASK, test_set="toy", split="test", **{**values, **changes})


def stored(path: Path, network: NetworkSpec = NETWORK, value: float | None = None) -> Path:
    torch.manual_seed(0)
    module = networks.build(network.name, **network.arguments)
    if value is not None:
        torch.nn.init.constant_(next(module.parameters()), value)
    storage.save(path, module, network.model_dump(mode="json"))
    return path


def target_of(targets: Path, index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    arrays = Arrays(targets)
    pixels = arrays.read(arrays.split("test")[index])
    return pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]


def low(name: str, height: int, width: int, **known: str | None) -> Entry:
    rows, columns = np.mgrid[:height, :width][..., None]
    pixels = (128 + 100 * np.sin(rows / height * 9 + columns / width * 7 + np.arange(3))).astype(np.uint8)
    return Entry(name, "test", pixels, f"{name}.png", "CC0", **known)


def evaluate_into(
    folder: Path, chosen: EvaluateSpec, targets: Path, pairs: Path, model: Path | None = None, **files: Any
) -> list[dict[str, str]]:
    """Evaluate into `toy.csv` and `toy_pictures` of `folder` and return the rows of the scores."""
    scores, pictures = folder / "toy.csv", folder / "toy_pictures"
    evaluate.main(chosen, "code", targets=targets, pairs=pairs, model=model, scores=scores, pictures=pictures, **files)
    with scores.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
