"""A training of a moment: a linear layer learns a rotation, and is stopped where a test asks for it."""

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from pipeline.learning.loop import Batch, Identity, Result, StepLoss, fit
from pipeline.learning.sampling import step_generator
from pipeline.specs.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
CPU = torch.device("cpu")
IDENTITY = {"spec": "toy", "code": "c"}
Loss = Callable[[int, Batch], StepLoss]


def draw(step: int) -> Batch:
    """Return 16 points (x, y) and what the network must make of them: a rotation."""
    points = step_generator(5, step).normal(size=(16, 2)).astype(np.float32)
    return [points, points @ np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)]


def network(scale: float = 1.0) -> nn.Module:
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.mul_(scale)
    return layer


def loss_of(model: nn.Module) -> Loss:
    def loss(step: int, data: Batch) -> StepLoss:
        prediction = model(torch.from_numpy(data[0]))
        error = prediction - torch.from_numpy(data[1])
        terms = {"pixel": error.abs().mean(), "other": error.square().sum()}
        return StepLoss(terms["pixel"] + 0.1 * terms["other"], terms, prediction)

    return loss


def run(recipe: Recipe, job: Identity, change: Callable[[Loss], Loss] = lambda loss: loss) -> Result:
    model = network()
    return fit(model, recipe, job, draw, change(loss_of(model)), CPU)


def stopped_by(number: int, at: int) -> Callable[[Loss], Loss]:
    """Send this process the signal `number` during step `at`."""

    def change(loss: Loss) -> Loss:
        def stopping(step: int, data: Batch) -> StepLoss:
            if step == at:
                os.kill(os.getpid(), number)
            return loss(step, data)

        return stopping

    return change


def equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
