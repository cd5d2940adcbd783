"""The contract of a loss, `WeightedTerms`: named raw terms, a weight each, and their weighted sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count
from numbers import Real

import numpy as np
import torch
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.losses import _inputs

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
    if not isinstance(name, str) or name not in DISTANCES:
        raise UserError(f"pixel: unknown distance {name!r}; {nearest(str(name), DISTANCES)}")
    return DISTANCES[name]


def _weight(name: str, weight: object) -> float:
    """Return the weight of the term `name` as a number of Python; numbers of numpy are taken too."""
    if isinstance(weight, Tensor | np.ndarray) and weight.ndim == 0:
        raise UserError(f"weight of term '{name}': {weight!r} is a {type(weight).__name__}; give its number: x.item()")
    number = float(weight) if isinstance(weight, Real) and not isinstance(weight, int | float) else weight
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
        raise UserError(f"weight of term '{name}': {weight!r} is not a finite number >= 0; write it as 1.0e-3")
    return number


class WeightedTerms(nn.Module):
    """A loss that is a weighted sum of terms; subclasses say what the terms are.

    Called with prediction and target of shape (N, C, H, W) in [0, 1] (the prediction may leave the range), it returns
    a float32 scalar: zero at equality and never negative. `first + second` is the loss of the terms of both.
    """

    check_range = True
    """Whether the range of the first target is looked at."""
    _range_checked = False

    def __init__(self, weights: dict[str, float]) -> None:
        """Keep one weight a term, in the order of `terms`; raises UserError for one that is no number >= 0."""
        super().__init__()
        self.weights = {name: _weight(name, weight) for name, weight in weights.items()}

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms of float32 inputs; `target` carries no graph."""
        raise NotImplementedError

    def terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms by name, computed in float32 whatever surrounds the call.

        Raises InputError for what is no pair of batches, and at the first call for a target that is not in [0, 1].
        """
        _inputs.check_pair(prediction, target)
        # what is compared with itself gives zero in any range, and says nothing of the targets to come
        if _inputs.values_known(target) and self.check_range and not self._range_checked and prediction is not target:
            self._range_checked = _inputs.check_range(target)
        with torch.autocast(prediction.device.type, enabled=False):
            return self.raw_terms(prediction.float(), target.detach().float())

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of `terms`."""
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the weighted sum of the terms."""
        return self.total(self.terms(prediction, target))

    def __add__(self, other: WeightedTerms) -> Sum:
        """Return the loss with the terms of both; raises UserError where both have the pixel term."""
        return Sum([self, other]) if isinstance(other, WeightedTerms) else NotImplemented

    def __radd__(self, other: object) -> WeightedTerms:
        """Take the zero that Python's `sum` begins with."""
        return self if other == 0 else NotImplemented


class Sum(WeightedTerms):
    """The terms of several losses as one loss."""

    def __init__(self, parts: Sequence[WeightedTerms]) -> None:
        """Join `parts`; a later term of a name that is taken gets a number: `vgg_2`.

        Raises UserError where more than one has the pixel term, which would then count twice.
        """
        weights: dict[str, float] = {}
        names: list[dict[str, str]] = []
        for part in parts:
            if "pixel" in weights.keys() & part.weights.keys():
                raise UserError("both losses have the term 'pixel', which would count twice; build one with pixel=None")
            own: dict[str, str] = {}
            for name, weight in part.weights.items():
                taken = (each for number in count(2) if (each := f"{name}_{number}") not in weights)
                own[name] = next(taken) if name in weights else name
                weights[own[name]] = weight
            names.append(own)
        super().__init__(weights)
        self.parts, self.names = nn.ModuleList(parts), names
        self.check_range = all(part.check_range for part in parts)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms of all parts."""
        found: dict[str, Tensor] = {}
        for part, names in zip(self.parts, self.names, strict=True):
            own: dict[str, Tensor] = part.raw_terms(prediction, target)  # type: ignore[operator]
            found |= {names[name]: term for name, term in own.items()}
        return found
