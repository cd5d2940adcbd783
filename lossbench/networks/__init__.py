"""Build a restoration network by the name of its file, count its parameters, list them all."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lossbench import storage
from lossbench.errors import UserError, nearest
from lossbench.plugins import load, names


def build(name: str, /, **arguments: Any) -> nn.Module:
    """Return the network `name`; arguments left out take their published defaults.

    It maps (N, in_channels, H, W) in [0, 1] to (N, out_channels, scale * H, scale * W), not clamped. Its initial
    weights come from torch's global generator: seed that first. Raises UserError with the nearest match for an unknown
    network or argument, and for a value of the wrong type.
    """
    module = load("networks", name)
    parameters = inspect.signature(module.build).parameters
    for argument, value in arguments.items():
        if argument not in parameters:
            raise UserError(f"network '{name}' has no argument '{argument}'; {nearest(argument, parameters)}")
        _check_type(f"network '{name}': {argument}", value, parameters[argument].default)
    network: nn.Module = module.build(**arguments)
    return network


def load_network(path: Path | str) -> nn.Module:
    """Return the trained network in the file `path` on the CPU, frozen and in evaluation mode.

    Raises UserError naming the file when it is missing, truncated, of another kind, or does not fit exactly.
    """
    state, description = storage.read(Path(path))
    try:
        # no storage yet: drawing weights only to replace them would take seconds
        with torch.device("meta"):
            network = build(description["name"], **description["arguments"])
    except (UserError, KeyError) as error:
        raise UserError(f"{path}: {error}; give the file of a network that this version knows") from None
    storage.fill(network, state, Path(path))
    return network.eval().requires_grad_(False)


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable values of `module`."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def listing() -> list[dict[str, Any]]:
    """Describe every network: "name", "parameters" ({label: trainable values at that published size}), "source".

    Networks are built on the meta device: nothing is allocated or initialised.
    """
    entries: list[dict[str, Any]] = []
    for name in names("networks"):
        module = load("networks", name)
        with torch.device("meta"):
            counts = {label: parameter_count(build(name, **sizes)) for label, sizes in module.PUBLISHED.items()}
        entries.append({"name": name, "parameters": counts, "source": module.SOURCE})
    return entries


def _check_type(key: str, value: object, default: object) -> None:
    expected = type(default)
    # a default that is None or a sequence does not fix the type
    if expected not in (bool, int, float, str):
        return
    # `True` is an int to Python, but never a sensible width
    if type(value) is not expected and not (expected is float and type(value) is int):
        raise UserError(f"{key}: {value!r} is not of type {expected.__name__}; give a value like {default!r}")
