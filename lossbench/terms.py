"""The contract of a loss, `WeightedTerms`: named raw terms, a weight each, and their weighted sum."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lossbench.errors import UserError, nearest

Distance = Callable[[Tensor, Tensor], Tensor]


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (prediction - target).abs().mean()


def l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference."""
    return (prediction - target).square().mean()


def charbonnier(prediction: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2) - epsilon: smooth L1, zero at equality (Lai et al. 2017)."""
    # subtracted before the mean, whose rounding could make the result negative
    return (((prediction - target).square() + epsilon**2).sqrt() - epsilon).mean()


DISTANCES: dict[str, Distance] = {"l1": l1, "l2": l2, "charbonnier": charbonnier}


def distance(name: str) -> Distance:
    """Return the distance called `name`; raises UserError naming the nearest one."""
    if name not in DISTANCES:
        raise UserError(f"unknown distance '{name}'; {nearest(name, DISTANCES)}")
    return DISTANCES[name]


class WeightedTerms(nn.Module):
    """A loss that is a weighted sum of terms; subclasses say what the terms are.

    Called with prediction and target of shape (N, C, H, W) in [0, 1] (the prediction may leave the range), it returns
    a float32 scalar: zero at equality and never negative.
    """

    def __init__(self, weights: dict[str, float]) -> None:
        """Keep one weight a term, in the order of `terms`; raises UserError for one that is no number >= 0."""
        super().__init__()
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise UserError(f"weight of term '{name}': {weight!r} is not a finite number >= 0; write it as 1.0e-3")
        self.weights = dict(weights)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms of float32 inputs; `target` carries no graph."""
        raise NotImplementedError

    def terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms by name, computed in float32 whatever surrounds the call."""
        if prediction.shape != target.shape:
            raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")
        with torch.autocast(prediction.device.type, enabled=False):
            return self.raw_terms(prediction.float(), target.detach().float())

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of `terms`."""
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the weighted sum of the terms."""
        return self.total(self.terms(prediction, target))
