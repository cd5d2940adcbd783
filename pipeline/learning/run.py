"""What every training shares: where it writes, one process a run, its device and seed, its checkpoint and its card."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lossbench import device as devices
from lossbench.device import Device
from lossbench.files import write_text
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Identity, Result, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import Ahead
from pipeline.outputs.provenance import provenance
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec

Spec = TrainSpec | PretrainSpec | ClassifierSpec | DistanceSpec


@dataclass(frozen=True)
class Run:
    """Where a training writes and how it runs; nothing of it changes the result."""

    output: Path
    """Folder of the run."""
    label: str
    """Its name in lines of progress."""
    threads: int = 1
    """Of the CPU."""
    checkpoint_seconds: float = 300.0
    """Time between two checkpoints."""


@dataclass(frozen=True)
class Training:
    """A run that has begun: alone in its folder, its random numbers seeded, its device chosen."""

    spec: Spec
    code: str
    run: Run
    device: Device

    @property
    def identity(self) -> Identity:
        """Return what a checkpoint must have been written under to be resumed."""
        content = {"spec": self.spec.canonical(), "code": self.code}
        return Identity(self.run.label, content, self.run.output / "last.ckpt", self.run.checkpoint_seconds)

    def fit(
        self,
        model: nn.Module,
        recipe: Recipe,
        draw: Callable[[int], Batch],
        loss: Callable[[int, Batch], StepLoss],
    ) -> Result:
        """Train `model` as `loop.fit` does, the data drawn one step ahead, and write `history.csv`."""
        result = fit(model, recipe, self.identity, Ahead(draw), loss, self.device.device)
        write_history(self.run.output / "history.csv", result.history)
        return result

    def card(self, result: Result | None, **content: Any) -> dict[str, Any]:
        """Return what the card says: what the run depends on, of a trained network its training, and `content`."""
        trained = run_card(result, self.device) if result else {}
        return {**provenance(self.spec, self.code), **trained, **content}

    def write_card(self, card: dict[str, Any]) -> None:
        """Write `card.json`, atomically; the last file of a run."""
        write_text(self.run.output / "card.json", json.dumps(card, indent=1) + "\n")


@contextmanager
def training(spec: Spec, code: str, run: Run, precision: str) -> Iterator[Training]:
    """Begin a run in the arithmetic `precision`; its checkpoint goes when the block ends well, and stays otherwise.

    Raises UserError when another process works on the same run, and when the disk fills up.
    """
    with exclusive(run.output):
        chosen = devices.choose(precision, run.threads)
        torch.manual_seed(spec.seed)
        begun = Training(spec, code, run, chosen)
        yield begun
        begun.identity.checkpoint.unlink(missing_ok=True)
