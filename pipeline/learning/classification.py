"""How well a classifier recognises held-out crops: clean, attacked towards a wrong class, and attacked at will."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lossbench.attacks.adaptive import survivors
from lossbench.attacks.targeted import perturb, random_wrong_class
from lossbench.classifiers._accuracy import BATCH, REMEDY, Labelled, accuracy, predicted, regrouped
from lossbench.device import Device, to_tensor
from lossbench.errors import UserError
from lossbench.files import written_atomically
from pipeline.learning.labelled import CropsWithLabels
from pipeline.learning.sampling import HELD_OUT_SEED, own_generator
from pipeline.specs.classifier import RobustnessSpec

WITNESSES = 64
"""Crops in a witness, taken evenly from all classes; of many classes fewer are taken."""
SLACK, DEVIATIONS = 0.01, 3
"""By how much a stated accuracy may be missed: other scaling of the pictures, and standard errors of the sample."""


@dataclass
class Scored:
    """For each held-out crop, in their order, whether it was recognised."""

    clean_accuracy: list[bool] = field(default_factory=list)
    adversarial_accuracy: list[bool] = field(default_factory=list)
    """After the targeted attack."""
    attack_success: list[bool] = field(default_factory=list)
    """Whether the targeted attack reached its class."""
    untargeted_accuracy: list[bool] = field(default_factory=list)
    """After the untargeted attacks; empty where they are left out."""

    def card(self) -> dict[str, Any]:
        """Return the shares of crops by name, and the number of crops."""
        shares = {name: round(float(np.mean(values)), 4) for name, values in vars(self).items() if values}
        return {**shares, "held_out_crops": len(self.clean_accuracy)}

    def rows(self) -> dict[str, list[float]]:
        """Return for each metric of the paper's table 1, and the untargeted one, 100 or 0 for each crop."""
        found = {**vars(self), "accuracy": self.clean_accuracy}
        names = ("accuracy", "adversarial_accuracy", "untargeted_accuracy")
        return {name: [100.0 * value for value in found[name]] for name in names if found[name]}

    def guessed(self, classes: int) -> dict[str, list[float]]:
        """Return what guessing one of `classes` classes gives in the place of `rows`."""
        return {name: [100.0 / classes] * len(values) for name, values in self.rows().items()}


def score(
    model: nn.Module, batches: Iterable[Labelled], classes: int, spec: RobustnessSpec, chosen: Device, label: str
) -> Scored:
    """Return how `model`, in the arithmetic of `chosen`, recognises the crops of `batches`, clean and attacked.

    The targeted attack is PGD towards a random wrong class that depends on the place of the crop alone; the untargeted
    ones are those of `lossbench.attacks.adaptive.survivors`.
    """
    found = Scored()
    began = printed = time.monotonic()
    for index, (crops, numbers) in enumerate(regrouped(batches, BATCH)):
        images = to_tensor(crops, chosen.device)
        labels = torch.from_numpy(numbers).to(chosen.device)
        wrong = random_wrong_class(labels, classes, own_generator(HELD_OUT_SEED, index))
        with chosen.autocast():
            attacked_class = predicted(model, perturb(model, images, wrong, spec.radius, spec.steps, spec.step))
            found.clean_accuracy += (predicted(model, images) == labels).tolist()
            if spec.untargeted_steps:
                withstood = survivors(model, images, labels, spec.radius, spec.untargeted_steps)
                found.untargeted_accuracy += withstood.tolist()
        found.adversarial_accuracy += (attacked_class == labels).tolist()
        found.attack_success += (attacked_class == wrong).tolist()
        if time.monotonic() - printed > 5:
            printed = time.monotonic()
            shown = "  ".join(f"{name} {value:.4g}" for name, value in found.card().items())
            print(f"{label}  attacked for {printed - began:.0f} s  {shown}", flush=True)
    return found


def require_accuracy(model: nn.Module, batches: Iterable[Labelled], stated: float, where: str) -> None:
    """Raise UserError naming `where` unless `model` is as accurate on clean crops as its authors state."""
    found, count = accuracy(model, batches)
    least = stated - SLACK - DEVIATIONS * math.sqrt(stated * (1 - stated) / count)
    if found < least:
        raise UserError(f"{where}: clean accuracy {found:.4f} on {count} crops, {stated:.4f} is stated; {REMEDY}")


def write_witness(path: Path, model: nn.Module, crops: CropsWithLabels) -> None:
    """Write some held-out crops, their labels and how accurate `model` is on them to `path` (.npz), atomically."""
    classes = len(crops.classes)
    stride = max(1, classes // WITNESSES)
    batches = list(crops.held_out(max(1, WITNESSES // classes)))[::stride]
    expected, _ = accuracy(model, batches)
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    with written_atomically(path) as temporary:
        np.savez_compressed(temporary, crops=pixels, labels=labels, expected=expected)
