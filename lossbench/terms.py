"""The contract of a loss, `WeightedTerms`: named raw terms, a weight each, and their weighted sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lossbench.errors import UserError, nearest, quoted
from lossbench.losses import _inputs
from lossbench.losses._every import checked_every

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
        raise UserError(f"pixel: unknown distance {quoted(name)}; {nearest(str(name), DISTANCES)}")
    return DISTANCES[name]


def checked_weight(owner: str, weight: object) -> float:
    """Return the weight of `owner` as a number of Python, of numpy too; raises UserError for what is no number >= 0."""
    if isinstance(weight, Tensor | np.ndarray) and weight.ndim == 0:
        raise UserError(f"{owner}: {quoted(weight)} is a {type(weight).__name__}; give its number: x.item()")
    number = float(weight) if isinstance(weight, Real) and not isinstance(weight, int | float) else weight
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
        # YAML reads 1e-3 as a text
        remedy = "write it as 1.0e-3" if isinstance(weight, str) else "give one, such as 0.1"
        raise UserError(f"{owner}: {quoted(weight)} is not a finite number >= 0; {remedy}")
    return number


class WeightedTerms(nn.Module):
    """A loss that is a weighted sum of terms; subclasses say what the terms are.

    Called with prediction and target of shape (N, C, H, W) in [0, 1] (the prediction may leave the range), it returns
    a float32 scalar: zero at equality and never negative. `first + second` is the loss of the terms of both.

    A loss with terms in every k-th step alone must be told the `step`: the number of the optimiser's step, from 0,
    which decides by itself, so that a training that goes on from a checkpoint takes the same steps.
    """

    check_range = True
    """Whether the range of the first target is looked at."""
    made_by = ""
    """The call of `create_loss` that makes it, with all settings; empty where it was made otherwise."""
    _range_checked = False

    def __init__(self, weights: dict[str, float], every: Mapping[str, int] | None = None) -> None:
        """Keep one weight a term, in the order of `terms`; of terms in every k-th step alone, `every` is k by name.

        Raises UserError for a weight that is no number >= 0, and for a k that is no whole number >= 1.
        """
        super().__init__()
        self.weights = {name: checked_weight(f"weight of term '{name}'", weight) for name, weight in weights.items()}
        checked = {name: checked_every(f"term '{name}'", k) for name, k in (every or {}).items()}
        self.every = {name: k for name, k in checked.items() if k > 1}
        """k of the terms that are not in every step; there they are k times as heavy as their weight says."""

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms of float32 inputs; `target` carries no graph."""
        raise NotImplementedError

    def due_terms(self, prediction: Tensor, target: Tensor, step: int | None) -> dict[str, Tensor]:
        """Return those of `raw_terms` that are in `step`; a loss with terms in every k-th step alone says which."""
        return self.raw_terms(prediction, target)

    def is_due(self, name: str, step: int | None) -> bool:
        """Return whether the term `name` is in `step`; raises InputError where a step is needed and none is given."""
        if name not in self.every:
            return True
        if isinstance(step, bool) or not isinstance(step, Integral) or step < 0:
            given = "no step is given" if step is None else f"{quoted(step)} is no whole number of a step"
            raise _inputs.InputError(
                f"the term '{name}' is in every k-th step alone (every = {self.every[name]}), and {given}; give that "
                "of the optimiser, counted from 0: loss(prediction, target, step=step)"
            )
        return step % self.every[name] == 0

    def terms(self, prediction: Tensor, target: Tensor, step: int | None = None) -> dict[str, Tensor]:
        """Return the unweighted terms of `step` by name, computed in float32 whatever surrounds the call.

        Terms in every k-th step alone are left out in others; without such terms no step need be given. Raises
        InputError for what is no pair of batches, at the first call for a target that is not in [0, 1], where a step
        is needed and none is given, and for a step that has no term at all; UserError for a term that is no scalar, and
        where the loss writes into prediction or target.
        """
        _inputs.check_pair(prediction, target)
        # what is compared with itself gives zero in any range, and says nothing of the targets to come
        if _inputs.values_known(target) and self.check_range and not self._range_checked and prediction is not target:
            self._range_checked = _inputs.check_range(target)
        with torch.autocast(prediction.device.type, enabled=False):
            images = prediction.float(), target.detach().float()
            before = _inputs.versions(*images)
            found = self.due_terms(*images, step)
        _inputs.check_unwritten(f"loss {type(self).__name__}", before, *images)
        if not found:
            names = " and ".join(self.every)
            raise _inputs.InputError(
                f"step {step} has no term: there is no other than {names}, which 'every' leaves out; build the loss "
                "with a pixel term, add one that has it, or leave 'every' out"
            )
        for name, term in found.items():
            if term.ndim:
                shape = tuple(term.shape)
                raise UserError(f"term '{name}' of loss {type(self).__name__} has shape {shape}; have it take the mean")
        return found

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of the `terms` of a step; raises UserError for none, and for one that it has not."""
        if not terms:
            raise UserError("no terms are given; give those of loss.terms(prediction, target)")
        if other := next((name for name in terms if name not in self.weights), None):
            raise UserError(f"'{other}' is no term of this loss; {nearest(other, self.weights)}")
        weighted = [self.weights[name] * self.every.get(name, 1) * term for name, term in terms.items()]
        return torch.stack(weighted).sum()

    def forward(self, prediction: Tensor, target: Tensor, step: int | None = None) -> Tensor:
        """Return the weighted sum of the terms of `step`."""
        return self.total(self.terms(prediction, target, step))

    def __add__(self, other: WeightedTerms) -> Sum:
        """Return the loss with the terms of both; raises UserError where both have the pixel term."""
        return Sum([self, other]) if isinstance(other, WeightedTerms) else NotImplemented

    def calls(self) -> list[str]:
        """Return what makes each of the losses that this one is the sum of."""
        return [self.made_by or f"{type(self).__name__}(weights={self.weights})"]

    def __repr__(self) -> str:
        """Say all settings: the call that makes it."""
        return self.calls()[0]

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
        every: dict[str, int] = {}
        names: list[dict[str, str]] = []
        for part in parts:
            if "pixel" in weights.keys() & part.weights.keys():
                raise UserError("both losses have the term 'pixel', which would count twice; build one with pixel=None")
            own: dict[str, str] = {}
            for name, weight in part.weights.items():
                taken = (each for number in count(2) if (each := f"{name}_{number}") not in weights)
                own[name] = next(taken) if name in weights else name
                weights[own[name]] = weight
            every |= {own[name]: k for name, k in part.every.items()}
            names.append(own)
        super().__init__(weights, every)
        self.parts, self.names = nn.ModuleList(parts), names
        self.check_range = all(part.check_range for part in parts)

    def calls(self) -> list[str]:
        """Return what makes each part."""
        return [call for part in self.parts for call in part.calls()]  # type: ignore[operator]

    def __repr__(self) -> str:
        """Say all settings of all parts."""
        return "\n".join(["(", "    " + "\n    + ".join(self.calls()), ")"])

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms of all parts."""
        return self._joined(lambda part: part.raw_terms(prediction, target))

    def due_terms(self, prediction: Tensor, target: Tensor, step: int | None) -> dict[str, Tensor]:
        """Return the terms of `step` of all parts, each of which may have a k of its own."""
        return self._joined(lambda part: part.due_terms(prediction, target, step))

    def _joined(self, terms_of: Callable[[Any], dict[str, Tensor]]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for part, names in zip(self.parts, self.names, strict=True):
            found |= {names[name]: term for name, term in terms_of(part).items()}
        return found
