"""What every training shares: where it writes, one process a run, its device and seed, its checkpoint and its card."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lossbench import device as devices
from lossbench.device import Device
from lossbench.errors import UserError
from lossbench.files import sha256, write_text
from pipeline.dividing.division import Batch, Division
from pipeline.dividing.division import begun as begun_division
from pipeline.learning import checkpoint
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Identity, Result, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import Ahead
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.provenance import provenance
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec

CHECKPOINT = "last.ckpt"
ARITHMETIC = "arithmetic"
"""Entry of a checkpoint's identity: the precision of the trained network."""
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
    processes: int = 1
    """That share the batch, one a GPU where there are any."""
    accumulate: int = 1
    """Parts of a process's share that follow one another: memory for one of them is enough."""


@dataclass(frozen=True)
class Training:
    """A run that has begun: alone in its folder, its random numbers seeded, its device chosen."""

    spec: Spec
    code: str
    run: Run
    device: Device
    division: Division
    read: str = ""
    """Stands for the content of the files that it reads."""

    @property
    def identity(self) -> Identity:
        """Return what a checkpoint must have been written under to be resumed."""
        content = {**_content(self.spec, self.code, self.read), ARITHMETIC: self.device.precision}
        return Identity(self.run.label, content, self.run.output / CHECKPOINT, self.run.checkpoint_seconds)

    def fit(
        self,
        model: nn.Module,
        recipe: Recipe,
        draw: Callable[[int], Batch],
        loss: Callable[[int, Batch], StepLoss],
    ) -> Result:
        """Train `model` as `loop.fit` does, the data drawn one step ahead, and write `history.csv`.

        Of several processes the first alone returns. Raises UserError where the batch can't be divided.
        """
        model = self.division.prepared(model, self.run.label)
        result = fit(model, recipe, self.identity, Ahead(draw), loss, self.device.device, self.division)
        self.division.leave()
        write_history(self.run.output / "history.csv", result.history)
        return result

    def card(self, result: Result | None, **content: Any) -> dict[str, Any]:
        """Return what the card says: what the run depends on, of a trained network its training, and `content`."""
        trained = run_card(result, self.device, self.division) if result else {}
        return {**provenance(self.spec, self.code), **trained, **content}

    def write_card(self, card: dict[str, Any]) -> None:
        """Write `card.json`, atomically; the last file of a run."""
        write_text(self.run.output / "card.json", json.dumps(card, indent=1) + "\n")


@contextmanager
def training(spec: Spec, code: str, run: Run, precision: str, reads: Iterable[Path | None] = ()) -> Iterator[Training]:
    """Begin a run in the arithmetic `precision`; its checkpoint goes when the block ends well, and stays otherwise.

    `reads` are the files whose content decides the result: cards of prepared data, stored networks. A run that was cut
    off goes on in the arithmetic in which it began. Raises UserError when another process works on the same run, for
    prepared data that are incomplete, when the disk fills up, and for a division that can't be.
    """
    if not isinstance(spec, TrainSpec | PretrainSpec) and (run.processes, run.accumulate) != (1, 1):
        given = f"--processes {run.processes} --accumulate {run.accumulate}"
        raise UserError(f"{run.label}: {given}: this stage's batch is not divided; leave both out")
    division = begun_division(run.processes, run.accumulate)
    # the first process holds the run for all
    with exclusive(run.output) if division.first else nullcontext():
        read = content_of(path for path in reads if path is not None)
        chosen = devices.choose(precision, max(1, run.threads // run.processes))
        begun_in = checkpoint.entry(run.output / CHECKPOINT, _content(spec, code, read), ARITHMETIC)
        if begun_in not in (None, chosen.precision):
            print(
                f"{run.label}  goes on in {begun_in}, as it began; here it would begin in {chosen.precision}",
                flush=True,
            )
            chosen = replace(chosen, dtype=getattr(torch, str(begun_in)))
        torch.manual_seed(spec.seed)
        begun = Training(spec, code, run, chosen, division, read)
        yield begun
        begun.identity.checkpoint.unlink(missing_ok=True)


def content_of(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the content of `paths`: of cards, what they stand for, of other files, their bytes.

    A file that is missing is left to whoever reads it, who has the words for it.
    """
    there = [path for path in paths if path.is_file()]
    digests = [Arrays(path).digest if path.suffix == ".json" else sha256(path) for path in there]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _content(spec: Spec, code: str, read: str) -> dict[str, str]:
    return {"spec": spec.canonical(), "code": code, "input": read}
