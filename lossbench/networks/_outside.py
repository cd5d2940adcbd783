"""A restoration network of another package or of the user: any module of pictures, with what it does not say given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn

from lossbench import plugins
from lossbench.errors import UserError, is_of_memory
from lossbench.networks import Plugin, Sizes
from lossbench.plugins.making import built, made_by, state
from lossbench.plugins.outside import said

LEAST_PATCH = 1
"""Not known of others' networks: choose patches from which every weight gets a gradient."""
WINDOW = 1
PUBLISHED: Sizes = {}
FIELDS = ("scale", "multiple", "minimum", "in_channels", "out_channels")
"""What `fitted` takes."""


def fitted(
    module: nn.Module,
    name: str,
    said: Mapping[str, Any],
    /,
    scale: int | None = None,
    multiple: int | None = None,
    minimum: int | None = None,
    in_channels: int | None = None,
    out_channels: int | None = None,
) -> OutsideNetwork:
    """Return `module` as a network that says what it takes and gives.

    What is None is what the module's attribute of that name or, in `said`, an argument of its class says, else 1 for
    scale and multiple, the multiple for the minimum, 3 bands, and as many out as in. Raises UserError for counts below
    one.
    """
    given = {"scale": scale, "multiple": multiple, "minimum": minimum}
    given |= {"in_channels": in_channels, "out_channels": out_channels}

    def count(field: str, usual: int) -> int:
        told = (given[field], getattr(module, field, None), said.get(field))
        # an attribute of that name may be another thing
        counts = [each for each in told if isinstance(each, int) and not isinstance(each, bool)]
        found = counts[0] if counts else usual
        if found < 1:
            raise UserError(f"network '{name}': {field} = {found} is no count; give 1 or more")
        return found

    multiple, in_channels = count("multiple", 1), count("in_channels", 3)
    return OutsideNetwork(
        module,
        name,
        scale=count("scale", 1),
        multiple=multiple,
        minimum=count("minimum", multiple),
        in_channels=in_channels,
        out_channels=count("out_channels", in_channels),
    )


class OutsideNetwork(nn.Module):
    """A module of others from (N, in_channels, H, W) in [0, 1] to (N, out_channels, scale * H, scale * W)."""

    def __init__(
        self,
        network: nn.Module,
        name: str,
        scale: int,
        multiple: int,
        minimum: int,
        in_channels: int,
        out_channels: int,
    ) -> None:
        """Keep `network` as a part, under whose name its weights are stored."""
        super().__init__()
        self.network, self.called = network, name
        self.scale, self.multiple, self.minimum = scale, multiple, minimum
        self.in_channels, self.out_channels = in_channels, out_channels

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction; raises UserError for what the module raises, and for another size than is stated."""
        # a graph that is traced or compiled knows no sizes and catches nothing
        if torch.jit.is_tracing() or torch.compiler.is_compiling():  # type: ignore[attr-defined, no-untyped-call]
            return cast(Tensor, self.network(low_quality))
        try:
            prediction: Any = self.network(low_quality)
        except UserError:
            raise
        # whatever the code of another package raises
        except Exception as error:
            # smaller pictures help there, and whoever gives them says so
            if is_of_memory(error):
                raise
            raise UserError(
                f"network '{self.called}' fails on pictures {tuple(low_quality.shape)} ({said(error)}); mend its "
                "forward, or its arguments"
            ) from error
        self._check(low_quality, prediction)
        return cast(Tensor, prediction)

    def _check(self, low_quality: Tensor, prediction: Any) -> None:
        count, _, height, width = low_quality.shape
        stated = (count, self.out_channels, self.scale * height, self.scale * width)
        found = tuple(prediction.shape) if isinstance(prediction, Tensor) else f"a {type(prediction).__name__}"
        if found != stated:
            raise UserError(
                f"network '{self.called}' makes {found} of {tuple(low_quality.shape)}, not {stated}; give its "
                "arguments 'scale', 'in_channels' and 'out_channels' as it has them"
            )


class Outside:
    """A class or function from outside with what a file of this folder holds."""

    LEAST_PATCH, PUBLISHED = LEAST_PATCH, PUBLISHED

    def __init__(self, name: str, build: Callable[..., OutsideNetwork]) -> None:
        """Keep what makes the network."""
        self.SOURCE, self.build = plugins.source("networks", name), build


@cache
def plugin(name: str) -> Plugin:
    """Return the network `name` from outside: its module where it is one, else what makes it, with all arguments.

    Raises UserError for what is no module that has `build`, no class of modules, and no function that says by its
    annotation that it returns one.
    """
    owner, found = f"network '{name}'", plugins.load("networks", name)
    if inspect.ismodule(found):
        missing = [each for each in ("build", "SOURCE", "PUBLISHED", "LEAST_PATCH") if not hasattr(found, each)]
        if missing:
            raise UserError(
                f"{owner}: {found.__name__} has no {' and '.join(missing)}; write it there, or name a class"
            )
        return cast(Plugin, found)
    made_by(owner, found)
    own = inspect.signature(found).parameters

    def build(**arguments: Any) -> OutsideNetwork:
        theirs = {each: value for each, value in arguments.items() if each in own or each not in FIELDS}
        ours = {each: value for each, value in arguments.items() if each in FIELDS}
        defaults = {each: parameter.default for each, parameter in own.items()}
        return fitted(built(owner, found, theirs), name, defaults, **ours)

    state(build, found, fitted, FIELDS)
    return cast(Plugin, Outside(name, build))
