"""Which of two variants people find closer to a reference, told from distances; attacks on it, and how often it is so.

The arithmetic is that of LPIPS (Zhang et al. 2018) and of the R-LPIPS of the robust-perceptual paper, section 2.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.attacks.targeted import attacked, normalised, projected
from lossbench.device import Device, to_tensor
from lossbench.loss_networks import HeadedDistance
from pipeline.specs.distance import DistanceAttackSpec

HIDDEN, SLOPE, EASED = 32, 0.2, 0.1
"""Units of the ranking network's layers, slope of its ReLU below zero, and what is added to a distance divided by."""
PROGRESS_SECONDS = 5.0


class Ranker(nn.Module):
    """A distance whose heads learn, and the network that ranks two variants by their distances from the reference.

    Images come as triplets in one batch (3N, 3, H, W) in [0, 1]: all references, then all first and all second
    variants.
    """

    def __init__(self, distance: nn.Module) -> None:
        """Wrap the loss network `robust_lpips`, whose trunk is frozen and in evaluation mode from now on."""
        super().__init__()
        self.distance = distance
        self._headed.trunk.requires_grad_(False).eval()
        self.network = nn.Sequential(
            nn.Linear(5, HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, 1),
        )

    @property
    def _headed(self) -> HeadedDistance:
        return cast(HeadedDistance, self.distance)

    def train(self, mode: bool = True) -> Ranker:
        """Set the mode of all but the trunk."""
        super().train(mode)
        self._headed.trunk.eval()
        return self

    def clamp_heads(self) -> None:
        """Set negative weights of the heads to zero."""
        self._headed.clamp_heads()

    def distances(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distances (N,) of both variants from the reference; under autocast all but the trunk is float32.

        The trunk sees all images in one pass, each reference once.
        """
        found = [each.chunk(3) for each in self._headed.features(images)]
        reference, first, second = ([each[part] for each in found] for part in range(3))
        with torch.autocast(images.device.type, enabled=False):
            return self._headed.between(reference, first), self._headed.between(reference, second)

    def logits(self, first: Tensor, second: Tensor) -> Tensor:
        """Return for distances (N,) the logits (N,) of the share of people who find the second variant closer."""
        with torch.autocast(first.device.type, enabled=False):
            compared = [first, second, first - second, first / (second + EASED), second / (first + EASED)]
            found: Tensor = self.network(torch.stack(compared, dim=1))
        return found.squeeze(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the `logits` of triplets."""
        return self.logits(*self.distances(images))


def perturb_triplets(
    model: Ranker,
    images: Tensor,
    judge: Tensor,
    radius: float,
    steps: int,
    step_size: float | None = None,
    direct: bool = False,
) -> Tensor:
    """Return triplets `images` (3N, 3, H, W) in [0, 1] changed so that `model` errs on the judgements `judge` (N,).

    Projected gradient ascent on the cross-entropy of the ranking, jointly over the three images of a triplet: `steps`
    times a step of the length `step_size` (default 2 radius / steps) along the gradient normalised in each image, then
    the projection of each onto its own L2 ball of `radius` and the clamp to [0, 1]. It begins at the images and
    returns the last iterate. `direct` ascends how much farther the variant is that people chose, which no ranking
    network can hide. The model is in evaluation mode meanwhile, and afterwards as it was.
    """
    length = step_size if step_size is not None else 2 * radius / steps
    origin = images.detach()
    current = origin
    with attacked(model):
        for _ in range(steps):
            current = current.detach().requires_grad_(True)
            first, second = model.distances(current)
            # sums, which keep the triplets of a batch apart
            if direct:
                error = ((2 * judge - 1) * (second - first)).sum()
            else:
                error = F.binary_cross_entropy_with_logits(model.logits(first, second), judge, reduction="sum")
            (gradient,) = torch.autograd.grad(error, current)
            current = projected(current.detach() + length * normalised(gradient), origin, radius)
    return current


def agreement(first: Tensor, second: Tensor, judge: Tensor) -> Tensor:
    """Return for each triplet the share (N,) of people who chose the variant of the smaller distance; 0.5 of a tie."""
    chosen = torch.where(second < first, judge, 1 - judge)
    return torch.where(first == second, torch.full_like(judge, 0.5), chosen)


@dataclass
class Ranked:
    """The agreement on each triplet of one validation set, in their order."""

    clean: list[float] = field(default_factory=list)
    attacked: list[float] = field(default_factory=list)
    """After the attack of the training; empty where there is none."""
    attacked_directly: list[float] = field(default_factory=list)
    """After one on the distances themselves: the other is misled by a ranking network that has learnt nothing."""
    released: list[float] = field(default_factory=list)
    """Of the released heads; empty where there are none to compare with."""

    def card(self) -> dict[str, float]:
        """Return the mean of each column, the difference `clean` less `released`, and the number of triplets."""
        columns = {name: values for name, values in vars(self).items() if values}
        means = {name: float(np.mean(values)) for name, values in columns.items()}
        if self.released:
            means["difference"] = means["clean"] - means["released"]
        return {**{name: round(value, 4) for name, value in means.items()}, "triplets": len(self.clean)}


def score(
    model: Ranker,
    batches: Iterable[tuple[str, list[NDArray[Any]]]],
    attack: DistanceAttackSpec | None,
    chosen: Device,
    label: str,
    released: Ranker | None = None,
) -> dict[str, dict[str, float]]:
    """Return the 2AFC scores by validation set: of `model` clean and under `attack`, and of the `released` heads.

    The attack is made on the ranking and once more on the distances (see `perturb_triplets`). `batches` gives the name
    of a set and the arrays of some of its triplets, as `judgements` draws them.
    """
    found: dict[str, Ranked] = {}
    began = printed = time.monotonic()
    for name, data in batches:
        images, judge = triplets(data, chosen.device)
        scored = found.setdefault(name, Ranked())
        with chosen.autocast():
            scored.clean += _agreed(model, images, judge)
            if attack is not None:
                for direct, column in ((False, scored.attacked), (True, scored.attacked_directly)):
                    sizes = (attack.radius, attack.steps, attack.step)
                    changed = perturb_triplets(model, images, judge, *sizes, direct)
                    column.extend(_agreed(model, changed, judge))
            if released is not None:
                scored.released += _agreed(released, images, judge)
        if time.monotonic() - printed > PROGRESS_SECONDS:
            printed = time.monotonic()
            shown = "  ".join(f"{key} {value:.4g}" for key, value in scored.card().items())
            print(f"{label}  scored for {printed - began:.0f} s  {name}: {shown}", flush=True)
    return {name: scored.card() for name, scored in found.items()}


def triplets(data: list[NDArray[Any]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the images (3N, 3, side, side) in [0, 1] and the judgements (N,) of drawn arrays, on `device`."""
    *parts, judge = data
    return to_tensor(np.concatenate(parts), device), torch.from_numpy(judge).to(device)


def _agreed(model: Ranker, images: Tensor, judge: Tensor) -> list[float]:
    with attacked(model), torch.no_grad():
        values: list[float] = agreement(*model.distances(images), judge).tolist()
    return values
