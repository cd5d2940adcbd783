"""Optimiser and schedules of the recipes.

torch.optim imports torch's compiler when the first optimiser is made, which doubles the time in which a job starts; so
the optimisers that the recipes use stand here, and tests hold them equal to torch's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.specs.recipe import Recipe

EPSILON = 1e-8
ONE_CYCLE_START = 1 / 25
"""First rate of `one_cycle` as a share of the highest, and its last as a share of the first times 1e-4 (torch)."""


def optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> Adam | SGD:
    """Return the optimiser that `recipe` names for the trainable ones of `parameters`."""
    return SGD(parameters, recipe) if recipe.optimizer == "sgd" else Adam(parameters, recipe)


class SGD:
    """Stochastic gradient descent with momentum, as torch defines it: the direction is kept, not the step's length."""

    def __init__(self, parameters: Iterable[nn.Parameter], recipe: Recipe) -> None:
        """Take the trainable ones of `parameters`; weight decay acts on all of them, as in torchvision's references."""
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.momentum, self.decay = recipe.momentum, recipe.weight_decay
        self.directions = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Descend along the gradients; a parameter without one stays as it is."""
        used = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        values: list[Tensor] = [self.parameters[index].data for index in used]
        gradients: list[Tensor] = [grad for index in used if (grad := self.parameters[index].grad) is not None]
        if self.decay:
            gradients = list(torch._foreach_add(gradients, values, alpha=self.decay))
        directions = [self.directions[index] for index in used]
        torch._foreach_mul_(directions, self.momentum)
        torch._foreach_add_(directions, gradients)
        torch._foreach_add_(values, directions, alpha=-learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {"directions": self.directions}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for own, stored in zip(self.directions, state["directions"], strict=True):
            own.copy_(stored)


class Adam:
    """Adam (Kingma and Ba 2015), or AdamW with decoupled weight decay (Loshchilov and Hutter 2019)."""

    def __init__(self, parameters: Iterable[nn.Parameter], recipe: Recipe) -> None:
        """Take the trainable ones of `parameters`; weight decay spares vectors (biases, norms), as MAE does."""
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.betas, self.decay, self.decoupled = recipe.betas, recipe.weight_decay, recipe.optimizer == "adamw"
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.count = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Descend along the gradients; a parameter without one stays as it is."""
        self.count += 1
        first, second = self.betas
        used = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        values: list[Tensor] = [self.parameters[index].data for index in used]
        gradients = [self._decayed(self.parameters[index], learning_rate) for index in used]
        means, squares = [self.means[index] for index in used], [self.squares[index] for index in used]
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, math.sqrt(1 - second**self.count))
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_addcdiv_(values, means, roots, -learning_rate / (1 - first**self.count))

    def _decayed(self, parameter: nn.Parameter, learning_rate: float) -> Tensor:
        """Apply weight decay to the parameter (AdamW) or to its gradient (Adam); return the gradient."""
        assert parameter.grad is not None
        if self.decay == 0 or parameter.ndim <= 1:
            return parameter.grad
        if self.decoupled:
            parameter.mul_(1 - learning_rate * self.decay)
            return parameter.grad
        return parameter.grad.add(parameter, alpha=self.decay)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {"count": self.count, "means": self.means, "squares": self.squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.count = state["count"]
        for own, stored in ((self.means, state["means"]), (self.squares, state["squares"])):
            for tensor, value in zip(own, stored, strict=True):
                tensor.copy_(value)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate of `step` (from 0); it depends on the step alone."""
    schedule, steps = recipe.schedule, recipe.steps
    rise = schedule.warm_up * steps
    match schedule.name:
        case "constant":
            share = 1.0
        case "steps":
            share = schedule.factor ** sum(step >= milestone for milestone in schedule.milestones)
        case "cosine":
            if step < rise:
                share = min(1.0, (step + 1) / rise)
            else:
                share = _half_cosine(1.0, schedule.final, (step - rise) / (steps - rise))
        case "one_cycle":
            peak, last = rise - 1, ONE_CYCLE_START * 1e-4
            if step < peak:
                share = _half_cosine(ONE_CYCLE_START, 1.0, step / peak)
            else:
                share = _half_cosine(1.0, last, (step - peak) / (steps - rise))
    return recipe.learning_rate * share


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
