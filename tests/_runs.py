"""What a training leaves in its folder, and a run that is cut off beside a whole one."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from pipeline.learning.run import Run

UNFINISHED = {"last.ckpt", "run.lock"}
"""What lies in the folder of a run that was cut off."""
TIMED = ("seconds", "cpu_seconds", "resumed_at", "peak_memory_mib", "peak_gpu_memory_mib", "energy_joules")
"""Entries of a card in which two runs of the same spec may differ."""


def run_of(output: Path, label: str, changes: dict[str, Any]) -> Run:
    """Return where a training writes, with what `changes` say of how it runs taken out of them."""
    own = {name: changes.pop(name) for name in ("threads", "checkpoint_seconds") if name in changes}
    return Run(output, label, **own)


def names(folder: Path) -> set[str]:
    """Return the names of the files in `folder`."""
    return {path.name for path in folder.iterdir()}


def card(folder: Path) -> dict[str, Any]:
    """Return the card of a run."""
    found: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return found


def history(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a run's history."""
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextmanager
def cut_off(stage: ModuleType, function: str, calls: int) -> Iterator[None]:
    """Let a function that `stage` imported work `calls` times, and then end the run as a signal does."""
    whole, done = getattr(stage, function), 0

    def counted(*arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done > calls:
            raise KeyboardInterrupt
        return whole(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stage, function, counted)
        yield


def assert_same_run(
    resumed: Path, whole: Path, network: str, load: Callable[[Path], tuple[nn.Module, dict[str, Any]]], *others: str
) -> None:
    """Hold history, weights, card and the files `others` of two runs equal, all but the times; `load` reads weights."""
    for file in ("history.csv", *others):
        assert (resumed / file).read_bytes() == (whole / file).read_bytes(), file
    (ours, _), (theirs, _) = (load(folder / network) for folder in (resumed, whole))
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name
    left, right = ({key: card(folder)[key] for key in card(folder) if key not in TIMED} for folder in (resumed, whole))
    assert left == right
