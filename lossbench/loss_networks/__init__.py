"""Loss networks by name: build, save with all that is needed to build again, load frozen, list with their sizes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lossbench import plugins, storage
from lossbench.errors import UserError, nearest

FOLDER = "loss_networks"
KIND = "loss_network"
"""The kind of a stored file, in `storage.KINDS`."""


def build(name: str, **architecture: Any) -> nn.Module:
    """Build the loss network of `loss_networks/<name>.py`; raises UserError for an unknown name or argument.

    The module remembers its name and all arguments, defaults included, in `loss_network` and `architecture`.
    """
    plugin = plugins.load(FOLDER, name)
    known = inspect.signature(plugin.build).parameters
    for argument in architecture:
        if argument not in known:
            raise UserError(f"loss network '{name}' has no argument '{argument}'; {nearest(argument, known)}")
    module: nn.Module = plugin.build(**architecture)
    defaults = {argument: parameter.default for argument, parameter in known.items()}
    module.__dict__.update(loss_network=name, architecture={**defaults, **architecture})
    return module


def save(module: nn.Module, path: Path, card: dict[str, Any]) -> None:
    """Write a module made by `build` or `load` to `path` atomically, as safetensors.

    The metadata hold its name, its arguments and `card`, which says in JSON where the weights come from.
    """
    description = {"name": module.loss_network, "architecture": module.architecture, "card": card}
    storage.save(path, module, description, KIND)


def load(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the loss network in the file `path` on the CPU, frozen and in evaluation mode, and its card.

    Raises UserError naming the file when it is missing, truncated, of another kind, or does not fit exactly.
    """
    state, description = storage.read(path, KIND)
    if missing := {"architecture", "card"} - description.keys():
        raise UserError(f"{path} does not tell its {' and '.join(sorted(missing))}; delete it and rerun")
    try:
        # no storage yet: drawing weights only to replace them would take seconds
        with torch.device("meta"):
            module = build(description["name"], **description["architecture"])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    storage.fill(module, state, path)
    card: dict[str, Any] = description["card"]
    return module.eval().requires_grad_(False), card


def listing() -> list[dict[str, Any]]:
    """Return name, source and published sizes of every loss network; no weight is made.

    `parameters` gives for each published size one count, or for autoencoders those of encoder and decoder, and of what
    belongs to neither where there is such. A plugin that would import a slow library to be built states its counts in
    PARAMETERS.
    """
    entries = []
    for name in plugins.names(FOLDER):
        plugin = plugins.load(FOLDER, name)
        sizes = getattr(plugin, "PARAMETERS", None)
        if sizes is None:
            with torch.device("meta"):
                sizes = {label: _sizes(plugin.build(**arguments)) for label, arguments in plugin.PUBLISHED.items()}
        entries.append({"name": name, "parameters": sizes, "source": plugin.SOURCE})
    return entries


def _sizes(module: nn.Module) -> int | dict[str, int]:
    total = _count(module.parameters())
    parts = {
        part: _count(getattr(module, f"{part}_parameters")())
        for part in ("encoder", "decoder")
        if hasattr(module, f"{part}_parameters")
    }
    other = total - sum(parts.values())
    return {**parts, **({"other": other} if other else {})} if parts else total


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
