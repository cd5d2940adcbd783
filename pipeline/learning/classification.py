"""How well a classifier recognises held-out crops: clean, attacked towards a wrong class, and attacked at will."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.adaptive_attack import survivors
from pipeline.adversarial import attacked, perturb, random_wrong_class
from pipeline.errors import UserError
from pipeline.files import written_atomically
from pipeline.learning.device import Device
from pipeline.learning.labelled import HELD_OUT_SEED, Labelled, LabelledCrops, LabelledFiles
from pipeline.learning.sampling import step_generator, to_tensor
from pipeline.specs.classifier import RobustnessSpec

BATCH = 32
"""Crops that are attacked at once."""
PROBED = 64
"""Crops in a probe, taken evenly from all classes; of many classes fewer are probed."""
TOLERANCE = 0.05
"""By how much accuracy on the very crops of a probe may fall short; other arithmetic changes less."""
SLACK, DEVIATIONS = 0.01, 3
"""By how much a stated accuracy may be missed: other scaling of the pictures, and standard errors of the sample."""
REMEDY = "the file expects images normalised in another way, bands or classes in another order, or is another network's"


@dataclass
class Scored:
    """For each held-out crop, in their order, whether it was recognised."""

    clean: list[bool] = field(default_factory=list)
    adversarial: list[bool] = field(default_factory=list)
    """After the targeted attack."""
    deceived: list[bool] = field(default_factory=list)
    """Whether the targeted attack reached its class."""
    untargeted: list[bool] = field(default_factory=list)
    """After the untargeted attacks; empty where they are left out."""

    def card(self) -> dict[str, Any]:
        """Return the shares of crops by name, and the number of crops."""
        shares = {
            "clean_accuracy": self.clean,
            "adversarial_accuracy": self.adversarial,
            "attack_success": self.deceived,
            "untargeted_accuracy": self.untargeted,
        }
        found = {name: round(float(np.mean(values)), 4) for name, values in shares.items() if values}
        return {**found, "held_out_crops": len(self.clean)}

    def rows(self) -> dict[str, list[float]]:
        """Return for each metric of the paper's table 1, and the untargeted one, 100 or 0 for each crop."""
        found = {"accuracy": self.clean, "adversarial_accuracy": self.adversarial}
        found |= {"untargeted_accuracy": self.untargeted} if self.untargeted else {}
        return {name: [100.0 * value for value in values] for name, values in found.items()}

    def guessed(self, classes: int) -> dict[str, list[float]]:
        """Return what guessing one of `classes` classes gives in the place of `rows`."""
        return {name: [100.0 / classes] * len(values) for name, values in self.rows().items()}


def score(
    model: nn.Module, batches: Iterable[Labelled], classes: int, spec: RobustnessSpec, chosen: Device, label: str
) -> Scored:
    """Return how `model`, in the arithmetic of `chosen`, recognises the crops of `batches`, clean and attacked.

    The targeted attack is PGD towards a random wrong class that depends on the place of the crop alone; the untargeted
    ones are those of `adaptive_attack.survivors`.
    """
    found = Scored()
    began = printed = time.monotonic()
    for index, (crops, numbers) in enumerate(regrouped(batches, BATCH)):
        images = to_tensor(crops, chosen.device)
        labels = torch.from_numpy(numbers).to(chosen.device)
        wrong = random_wrong_class(labels, classes, step_generator(HELD_OUT_SEED, 2**32 + index))
        with chosen.autocast():
            attacked_class = predicted(model, perturb(model, images, wrong, spec.radius, spec.steps, spec.step))
            found.clean += (predicted(model, images) == labels).tolist()
            if spec.untargeted_steps:
                found.untargeted += survivors(model, images, labels, spec.radius, spec.untargeted_steps).tolist()
        found.adversarial += (attacked_class == labels).tolist()
        found.deceived += (attacked_class == wrong).tolist()
        if time.monotonic() - printed > 5:
            printed = time.monotonic()
            shown = "  ".join(f"{name} {value:.4g}" for name, value in found.card().items())
            print(f"{label}  attacked for {printed - began:.0f} s  {shown}", flush=True)
    return found


def accuracy(model: nn.Module, batches: Iterable[Labelled]) -> tuple[float, int]:
    """Return the share of the crops of `batches` that `model`, in float32, recognises, and their number."""
    device = next(model.parameters()).device
    right: list[bool] = []
    for crops, labels in regrouped(batches, BATCH):
        right += (predicted(model, to_tensor(crops, device)).cpu() == torch.from_numpy(labels)).tolist()
    return float(np.mean(right)), len(right)


def require_accuracy(model: nn.Module, batches: Iterable[Labelled], stated: float, where: str) -> None:
    """Raise UserError naming `where` unless `model` is as accurate on clean crops as its authors state."""
    found, count = accuracy(model, batches)
    least = stated - SLACK - DEVIATIONS * math.sqrt(stated * (1 - stated) / count)
    if found < least:
        raise UserError(f"{where}: clean accuracy {found:.4f} on {count} crops, {stated:.4f} is stated; {REMEDY}")


def write_probe(path: Path, model: nn.Module, crops: LabelledCrops | LabelledFiles) -> None:
    """Write some held-out crops, their labels and how accurate `model` is on them to `path` (.npz), atomically."""
    classes = len(crops.classes)
    stride = max(1, classes // PROBED)
    batches = list(crops.held_out(max(1, PROBED // classes)))[::stride]
    expected, _ = accuracy(model, batches)
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    with written_atomically(path) as temporary:
        np.savez_compressed(temporary, crops=pixels, labels=labels, expected=expected)


def check_probe(model: nn.Module, path: Path) -> None:
    """Raise UserError when `model` recognises the crops of the probe at `path` less often than is stored there.

    That tells a network whose images are normalised in another way, or whose classes are in another order, from the
    one that the probe was made for; also when the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            crops, labels, expected = stored["crops"], stored["labels"], float(stored["expected"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{path} is no whole probe ({error}); delete it and rerun") from None
    found, count = accuracy(model, [[crops, labels]])
    if found < expected - TOLERANCE:
        raise UserError(f"{path}: clean accuracy {found:.4f} on its {count} crops, expected {expected:.4f}; {REMEDY}")


def predicted(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the most probable class of each of `images` (N,), in evaluation mode; the model is left as it was."""
    with attacked(model), torch.no_grad():
        found: torch.Tensor = model(images).argmax(1)
    return found


def regrouped(batches: Iterable[Labelled], size: int) -> Iterator[Labelled]:
    """Return the same crops and labels in batches of `size`, the last one smaller."""
    waiting: list[tuple[NDArray[Any], Any]] = []
    for crops, labels in batches:
        waiting += zip(crops, labels, strict=True)
        while len(waiting) >= size:
            yield _stacked(waiting[:size])
            waiting = waiting[size:]
    if waiting:
        yield _stacked(waiting)


def _stacked(pairs: list[tuple[NDArray[Any], Any]]) -> Labelled:
    return [np.stack([crop for crop, _ in pairs]), np.array([label for _, label in pairs], np.int64)]
