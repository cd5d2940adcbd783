"""The call of `create_loss` that makes a loss, with all settings: what `repr` says. Imports no torch."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossbench.terms import WeightedTerms


def call(
    name: str,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    loss: WeightedTerms,
    named: Collection[str] = (),
) -> str:
    """Return the call that makes `loss`, called `name`, which `function` built of `arguments`, defaults included.

    Arguments that the name itself holds are `named`, and are not said twice. The file of the weights is the one that
    was read.
    """
    fixed = function.keywords if isinstance(function, partial) else {}
    parameters = inspect.signature(function).parameters
    # what takes any others has no name that one could give
    usual = {each: one.default for each, one in parameters.items() if one.kind is not one.VAR_KEYWORD}
    settings = {each: value for each, value in {**usual, **arguments}.items() if each not in {*fixed, *named}}
    settings["check_range"] = loss.check_range
    rests_on = "no loss network"
    # asked for by name: whoever imports the losses must not import all that loss networks need
    if (network := getattr(loss, "network", None)) is not None:
        about = vars(network)
        rests_on = f"on a frozen {about.get('loss_network', type(network).__name__)}"
        if "file" in about and "weights" in settings:
            settings["weights"] = about["file"]
    words = [repr(name), *(f"{each}={_shown(value)}" for each, value in settings.items())]
    return f"create_loss({', '.join(words)})  # {rests_on}"


def _shown(value: object) -> str:
    return repr(os.fspath(value)) if isinstance(value, os.PathLike) else repr(value)
