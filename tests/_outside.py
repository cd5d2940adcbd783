"""A package of somebody else, as pip would leave it: a loss, a network, a metric and a data set by entry points."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture

from lossbench import datasets, losses, networks, plugins
from lossbench.images import write_png
from lossbench.metrics import _outside as _outside_metrics
from lossbench.plugins import modules, outside, packages, reading

PACKAGE, VERSION = "fringe", "0.3"
FILES = {
    "fringe/__init__.py": "",
    "fringe/sizes.py": "WIDTH = 4\n",
    "fringe/losses.py": '''"""Losses of edges."""

import torch
from torch import nn


class EdgeLoss(nn.Module):
    """Mean difference of neighbouring pixels. More of it is below."""

    def __init__(self, order: int = 1, power: float = 1.0) -> None:
        super().__init__()
        self.order, self.power = order, power

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        difference = prediction - target
        return difference.diff(self.order, dim=-1).abs().pow(self.power).mean()


def half_edges(power: float = 1.0) -> EdgeLoss:
    """Edges of half a power."""
    return EdgeLoss(power=power / 2)
''',
    "fringe/networks.py": '''"""Networks that are as small as can be."""

import torch
from torch import nn

from fringe.sizes import WIDTH


class Shuffled(nn.Module):
    """Two convolutions and a pixel shuffle."""

    def __init__(self, scale: int, width: int = WIDTH) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3 * scale**2, 3, padding=1)
        )
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, low_quality: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.body(low_quality))
''',
    "fringe/metrics.py": '''"""How far levels are off."""

import numpy as np

from lossbench.metrics import Pixels, Protocol


class MeanError:
    """Mean absolute difference in levels."""

    better = "down"
    unit = ""
    needs_target = True
    colours = ("rgb", "y601")
    SOURCE = "mean absolute difference in 8-bit levels"
    OVER = "picture"

    def score(self, prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
        ours, theirs = protocol.pair(prediction, target)
        return float(np.mean(np.abs(ours - theirs)))
''',
    "fringe/datasets.py": '''"""Waves that ship with the package."""

from pathlib import Path

from lossbench.datasets import Card, Dataset, Source, Splits

PICTURES = Path(__file__).parent / "pictures"


class Waves(Dataset):
    """Smooth waves."""

    card = Card(
        name="waves",
        title="smooth waves with a little noise",
        licence="CC0-1.0",
        bytes=0,
        where="they ship with the package fringe",
        layout="none",
        needs_root=False,
    )

    def locate(self, root: Path | None) -> Splits:
        return {
            split: [Source(file.stem, file, "CC0-1.0") for file in sorted((PICTURES / split).glob("*.png"))]
            for split in ("train", "val", "test")
        }
''',
    "fringe-0.3.dist-info/METADATA": "Metadata-Version: 2.1\nName: fringe\nVersion: 0.3\nLicense-Expression: MIT\n",
    "fringe-0.3.dist-info/entry_points.txt": """[lossbench.losses]
edges = fringe.losses:EdgeLoss

[lossbench.networks]
shuffled = fringe.networks:Shuffled

[lossbench.metrics]
mean_error = fringe.metrics:MeanError

[lossbench.datasets]
waves = fringe.datasets:Waves
""",
}
PICTURES = {"train": 3, "val": 1, "test": 2}
SIDE = 64


def written(folder: Path, files: dict[str, str] = FILES, pictures: bool = True) -> Path:
    """Write `files` below `folder`, and the pictures of the data set, as an installation does; return `folder`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for split, count in PICTURES.items() if pictures else ():
        for index in range(count):
            write_png(folder / f"fringe/pictures/{split}/{split}{index}.png", picture(SIDE, SIDE, index + 7 * count))
    return folder


def offering(name: str, **groups: str) -> dict[str, str]:
    """Return the files of a further package `name` whose entry points are those of `groups`, by shelf."""
    entries = "\n".join(f"[lossbench.{shelf}]\n{text}\n" for shelf, text in groups.items())
    return {
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/entry_points.txt": entries,
    }


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python find what lies in `folder`, and forget what was found before; both end with the test."""
    monkeypatch.syspath_prepend(str(folder))
    forget()
    # modules of an earlier folder must not be taken for these
    for name in [name for name in sys.modules if name.partition(".")[0] in {file.stem for file in folder.iterdir()}]:
        monkeypatch.delitem(sys.modules, name)


def forget() -> None:
    """Forget all that was found of plugins."""
    packages.forget()
    cached: list[Any] = [
        *(modules.source_of, outside.place, reading.definition, reading._parsed, plugins._taken, plugins._file),
        *(plugins._tell_of_another, _outside_metrics.loaded, datasets.card),
    ]
    for name in (losses.OUTSIDE, networks.OUTSIDE):
        if name in sys.modules:
            cached += [value for value in vars(sys.modules[name]).values() if hasattr(value, "cache_clear")]
    for each in cached:
        each.cache_clear()


def noise(*shape: int, seed: int = 0) -> Any:
    """Return uniform values in [0, 1] as float32."""
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)
