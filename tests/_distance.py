"""The stage train_distance with a narrow VGG-16."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _runs import run_of

from lossbench import loss_networks
from pipeline import train_distance
from pipeline.specs.distance import DistanceSpec

LABEL = "train_distance/toy"
SIDE = 16
WIDTHS = [4, 6, 8, 8, 8]
ARCHITECTURE = {"layout": "torchvision", "widths": WIDTHS}
OUTPUTS = {"network.safetensors", "card.json", "history.csv", "run.lock"}
SMALL = {"patch": SIDE, "batch": 8, "augment": False, "betas": [0.5, 0.999]}
MakeSpec = Callable[..., DistanceSpec]


def stored(path: Path, name: str, seed: int = 0, **architecture: Any) -> Path:
    torch.manual_seed(seed)
    loss_networks.save(loss_networks.build(name, **architecture), path, {"source": "random weights"})
    return path


def run(spec: DistanceSpec, output: Path, trunk: Path, **changes: Any) -> Path:
    train_distance.main(spec, "code", run_of(output, LABEL, changes), trunk=trunk, **changes)
    return output
