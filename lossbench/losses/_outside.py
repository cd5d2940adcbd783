"""A loss of another package or of the user: any module of prediction and target, as a term beside the pixels'."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.losses import _inputs
from lossbench.losses._features import NetworkLoss
from lossbench.plugins.making import built, made_by, state
from lossbench.plugins.outside import said
from lossbench.terms import WeightedTerms

LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures",)
_OF_ARGUMENTS = re.compile("(positional|keyword|required) argument")
"""What Python says of a call that does not fit."""
_OTHERS = (NotImplementedError, RecursionError, UnicodeError)
"""Of the kinds of error that refuse a value, those that do not."""
OURS = ("pixel", "weight", "every", "clamp")
"""Arguments of `fitted`."""


def fitted(
    module: nn.Module,
    name: str,
    /,
    pixel: str | None = "l1",
    weight: float = 1.0,
    every: int = 1,
    clamp: bool = False,
) -> OutsideLoss:
    """Return `pixel` + `weight` * what `module` gives a prediction and its target, both (N, C, H, W) float32.

    With `pixel` None it is that term alone; it is in every `every`-th step alone, so many times as heavy there.
    `clamp` cuts the prediction to [0, 1] for it, as those need that refuse other values: no gradient beyond.
    """
    return OutsideLoss(module, name, pixel=pixel, weight=weight, every=every, clamp=clamp)


class OutsideLoss(NetworkLoss):
    """`pixel` distance of the images plus `weight` times the scalar that a module gives; its parameters are frozen."""

    def __init__(
        self, module: nn.Module, name: str, *, pixel: str | None, weight: float, every: int, clamp: bool
    ) -> None:
        """Freeze `module`; the term has the last part of `name`.

        Raises UserError for a term called as that of the pixels, and for a module of other than two images.
        """
        term = name.rpartition(":")[2]
        if term == "pixel":
            raise UserError(
                f"loss '{name}': 'pixel' is the name of the pixel term; give its class or entry another one"
            )
        try:
            inspect.signature(module.forward, follow_wrapped=False).bind(None, None)
        except TypeError as error:
            raise UserError(
                f"loss '{name}' can't be called as loss(prediction, target) ({error}); a loss is given a prediction "
                "and its target alone: wrap it in a module of these"
            ) from None
        super().__init__(term, module, pixel=pixel, weight=weight, every=every)
        self.called, self.clamp = name, clamp

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the module's scalar.

        Raises UserError for another result, for what the module raises, and where it writes into what it is given.
        """
        before = _inputs.versions(prediction, target)
        if not before and not torch.compiler.is_compiling():
            # nobody counts what is written into these
            prediction, target = prediction.clone(), target.clone()
        given = prediction.clamp(0, 1) if self.clamp else prediction
        try:
            found = self.network(given, target)
        except (UserError, MemoryError, torch.OutOfMemoryError):
            raise
        # whatever the code of another package raises
        except Exception as error:
            raise UserError(
                f"loss '{self.called}' refuses a prediction and a target of {tuple(prediction.shape)} "
                f"({said(error)}); {self._remedy(error, prediction)}"
            ) from error
        _inputs.check_unwritten(f"loss '{self.called}'", before, prediction, target)
        # of one picture a value a picture has one element too
        if not isinstance(found, Tensor) or found.ndim:
            what = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise UserError(f"loss '{self.called}' gives {what}, no scalar; have it take the mean, or wrap it in one")
        if prediction.requires_grad and torch.is_grad_enabled() and not found.requires_grad:
            raise UserError(f"loss '{self.called}' has no gradient; use it as a metric")
        return found.float()

    def _remedy(self, error: Exception, prediction: Tensor) -> str:
        """Return what helps against an `error` of the module, as far as it can be told."""
        if isinstance(error, TypeError) and _OF_ARGUMENTS.search(str(error)):
            return "a loss is given a prediction and its target alone: wrap it in a module of these"
        if isinstance(error, RuntimeError) and "in-place" in str(error):
            return "have it write into copies alone, such as prediction.clamp(0, 1) in the place of clamp_"
        refused = isinstance(error, AssertionError | RuntimeError | ValueError) and not isinstance(error, _OTHERS)
        if refused and not self.clamp and bool(((prediction.detach() < 0) | (prediction.detach() > 1)).any()):
            return "where its pictures must be in [0, 1], set clamp to true: this prediction leaves the range"
        return "mend it, or what it is given"


@cache
def maker(name: str) -> Callable[..., WeightedTerms]:
    """Return what builds the loss `name` from outside, with the signature of its arguments.

    Raises UserError for what is no module that has `build`, no class of modules, and no function that says by its
    annotation that it returns one.
    """
    owner, plugin = f"loss '{name}'", plugins.load("losses", name)
    if inspect.ismodule(plugin):
        if not callable(getattr(plugin, "build", None)):
            raise UserError(f"{owner}: {plugin.__name__} has no function 'build'; write one, or name a class")
        return _as_it_is(owner, plugin.build)
    if issubclass(made_by(owner, plugin), WeightedTerms):
        return _as_it_is(owner, plugin)
    for each, parameter in inspect.signature(plugin).parameters.items():
        if each in OURS and parameter.default is parameter.empty:
            raise UserError(f"{owner} needs '{each}', which is lossbench's own here; name a function that fixes it")

    def build(**arguments: Any) -> WeightedTerms:
        ours = {each: arguments.pop(each) for each in OURS if each in arguments}
        return fitted(built(owner, plugin, arguments), name, **ours)

    state(build, plugin, fitted, OURS)
    return build


def _as_it_is(owner: str, build: Callable[..., Any]) -> Callable[..., WeightedTerms]:
    """Return `build`, which makes a loss as lossbench has them, so that anything else is refused."""

    def checked(**arguments: Any) -> WeightedTerms:
        loss = built(owner, build, arguments)
        if not isinstance(loss, WeightedTerms):
            raise UserError(f"{owner}: build gives a {type(loss).__name__}, no lossbench.terms.WeightedTerms")
        return loss

    state(checked, build, fitted, ())
    return checked
