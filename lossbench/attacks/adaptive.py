"""An untargeted attack without a step size to choose: APGD of AutoAttack (Croce and Hein, ICML 2020), in an L2 ball."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.attacks.targeted import attacked, normalised, projected

MOMENTUM = 0.75
"""Share of the new step; the rest continues the last one (section 3.1, eq. 1)."""
FEWEST_RISES = 0.75
"""The step is halved when the loss rose in a smaller share of the steps since the last checkpoint (condition 1)."""
FIRST_CHECKPOINT, SHRINKING, SHORTEST = 0.22, 0.03, 0.06
"""First checkpoint as a share of all steps, and by how much the distance to the next one shrinks, down to what."""

Loss = Callable[[Tensor, Tensor], Tensor]

cross_entropy = partial(F.cross_entropy, reduction="none")
"""Of each image (N,), from logits and labels."""


def survivors(model: nn.Module, images: Tensor, labels: Tensor, radius: float, steps: int) -> Tensor:
    """Return for each image (N, C, H, W) in [0, 1] whether `model` still gives its label (N,) after every attack.

    First the image itself, then APGD of `steps` steps on the cross-entropy and on the difference of logits ratio, each
    only on images that are still recognised: two of the four attacks of AutoAttack, without restarts, so that the share
    is an upper bound of robust accuracy. Deterministic. The model is left as `adversarial.perturb` leaves it.
    """
    right = _recognised(model, images, labels)
    for loss in (cross_entropy, logits_ratio):
        left = right.nonzero().squeeze(1)
        if len(left) == 0:
            break
        changed = ascend(model, images[left], labels[left], radius, steps, loss)
        right[left] = _recognised(model, changed, labels[left])
    return right


def logits_ratio(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the difference of logits ratio of each image (N,): the lead of the best wrong class, free of scale.

    Divided by the distance of the largest from the third largest logit, or of two classes, from the second (Croce and
    Hein, 2020, eq. 6).
    """
    ordered = logits.sort(dim=1, descending=True).values
    own = logits.gather(1, labels[:, None]).squeeze(1)
    first = ordered[:, 0]
    best_wrong = torch.where(logits.argmax(1) == labels, ordered[:, 1], first)
    return (best_wrong - own) / (first - ordered[:, min(2, logits.shape[1] - 1)] + 1e-12)


def ascend(model: nn.Module, images: Tensor, labels: Tensor, radius: float, steps: int, loss: Loss) -> Tensor:
    """Return the changed images: where the prediction became wrong that point, else the one of the highest `loss`.

    Steps begin with the length 2 radius and have momentum. At checkpoints the step of an image is halved, and the image
    goes back to its best point, when the loss rose in too few steps or neither it nor the step changed since the last
    checkpoint.
    """
    with attacked(model):
        state = _Ascent(model, images.detach(), labels, radius, loss)
        for step in range(steps):
            state.move(first=step == 0)
            if step + 1 in checkpoints(steps):
                state.settle()
        return state.result()


def checkpoints(steps: int) -> frozenset[int]:
    """Return after how many steps the progress is looked at (section 3.2): at 0.22, 0.41, 0.57, ... of `steps`."""
    found: list[int] = []
    position, distance = 0.0, FIRST_CHECKPOINT
    while position < 1:
        position += distance
        distance = max(distance - SHRINKING, SHORTEST)
        # rounded, or 0.22 + 0.19 would be a little more than 0.41
        found.append(math.ceil(round(position * steps, 6)))
    return frozenset(found)


class _Point(NamedTuple):
    images: Tensor
    loss: Tensor
    gradient: Tensor


class _Ascent:
    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor, radius: float, loss: Loss) -> None:
        self.model, self.labels, self.radius, self.loss = model, labels, radius, loss
        self.origin = self.previous = images
        count = len(images)
        self.wrong = torch.zeros(count, dtype=torch.bool, device=images.device)
        self.deceiving = images.clone()
        self.point = self.best = self._at(images)
        self.length = images.new_full((count, 1, 1, 1), 2 * radius)
        self.rises, self.passed = torch.zeros_like(self.point.loss), 0
        self.settled_loss, self.halved = self.best.loss, torch.ones_like(self.wrong)

    def move(self, first: bool) -> None:
        """Take one step of all images."""
        current = self.point.images
        aim = projected(current + self.length * normalised(self.point.gradient), self.origin, self.radius)
        if not first:
            momentum = current + MOMENTUM * (aim - current) + (1 - MOMENTUM) * (current - self.previous)
            aim = projected(momentum, self.origin, self.radius)
        before = self.point.loss
        self.previous, self.point = current, self._at(aim)
        self.rises += self.point.loss > before
        self.passed += 1
        self.best = _chosen(self.point.loss > self.best.loss, self.point, self.best)

    def settle(self) -> None:
        """Halve the steps that no longer serve, and send those images back to their best points."""
        few = self.rises < FEWEST_RISES * self.passed
        stuck = ~self.halved & (self.best.loss <= self.settled_loss)
        halve = few | stuck
        self.length = torch.where(_wide(halve), self.length / 2, self.length)
        self.point = _chosen(halve, self.best, self.point)
        self.previous = torch.where(_wide(halve), self.best.images, self.previous)
        self.rises, self.passed = torch.zeros_like(self.rises), 0
        self.settled_loss, self.halved = self.best.loss, halve

    def result(self) -> Tensor:
        return torch.where(_wide(self.wrong), self.deceiving, self.best.images)

    def _at(self, images: Tensor) -> _Point:
        images = images.detach().requires_grad_(True)
        logits = self.model(images).float()
        loss = self.loss(logits, self.labels)
        (gradient,) = torch.autograd.grad(loss.sum(), images)
        images = images.detach()
        wrong = logits.detach().argmax(1) != self.labels
        self.deceiving = torch.where(_wide(wrong), images, self.deceiving)
        self.wrong = self.wrong | wrong
        return _Point(images, loss.detach(), gradient)


def _chosen(which: Tensor, one: _Point, other: _Point) -> _Point:
    return _Point(
        torch.where(_wide(which), one.images, other.images),
        torch.where(which, one.loss, other.loss),
        torch.where(_wide(which), one.gradient, other.gradient),
    )


def _wide(which: Tensor) -> Tensor:
    return which.view(-1, 1, 1, 1)


def _recognised(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    with attacked(model), torch.no_grad():
        found: Tensor = model(images).argmax(1) == labels
    return found
