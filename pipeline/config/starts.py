"""What the trainings of a network begin from in place of random weights: the run under a loss, or a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lossbench.errors import UserError, nearest
from lossbench.files import given_path
from pipeline.config.read import Configuration
from pipeline.specs.train import NetworkSpec

KIND = "network"
"""Key under which a file of a trained network says what it holds."""
OURS = {KIND, "loss_network", "classifier"}
"""All such keys; a file of safetensors without them is another project's."""
PICKLED = (".pth", ".pt", ".ckpt", ".bin")
"""Endings of what other projects save; nothing of them is read before the training, where torch is."""


@dataclass(frozen=True)
class Start:
    """One of two."""

    loss: str | None = None
    """The loss under which the run is that is begun from."""
    file: Path | None = None


def start_of(configuration: Configuration, network: str, task: str, loss: str | None = None) -> Start | None:
    """Return what the training of `network` under `loss` begins from for the named task; None for random weights.

    The run under the loss that others begin from has random weights itself, and so has its A/A row; without a `loss`
    what the others begin from is returned. Raises UserError
    for what is neither a loss nor a file that is there.
    """
    chosen = configuration.network(network)
    own = task in chosen.start_per_task
    given = chosen.start_per_task[task] if own else chosen.start
    if given is None:
        return None
    if given in configuration.losses:
        itself = loss is not None and given in (loss, configuration.loss(loss).again_of)
        return None if itself else Start(loss=given)
    place = f"{configuration.scale_file}: networks.{network}.{f'start_per_task.{task}' if own else 'start'}"
    file = given_path(given, place)
    if not file.is_file():
        raise UserError(f"{place}: '{given}' is neither a loss nor a file; {nearest(given, configuration.losses)}")
    return Start(file=file)


def check_start(where: str, file: Path, network: NetworkSpec) -> None:
    """Raise UserError, naming the entry `where`, unless `file` says that it holds `network` with these arguments.

    Nothing of its weights is read. What one of both leaves out is not compared: the training holds every weight's name
    and shape against the network's, and so it does with all of a file of another project.
    """
    if file.suffix in PICKLED:
        return
    held = _held(where, file)
    if held is None:
        return
    if held.get("name") != network.name:
        raise UserError(f"{where}: {file} holds the network '{held.get('name')}', not '{network.name}'; give another")
    given = held.get("arguments")
    arguments: dict[str, Any] = given if isinstance(given, dict) else {}
    for argument in sorted(network.arguments.keys() & arguments.keys()):
        theirs, ours = arguments[argument], network.arguments[argument]
        # JSON has no tuples
        if theirs != json.loads(json.dumps(ours)):
            raise UserError(
                f"{where}: {file} holds '{network.name}' with {argument} {theirs}, not {ours}; make them equal"
            )


def _held(where: str, file: Path) -> dict[str, Any] | None:
    """Return what `file` says that it holds; None for safetensors of another project."""
    try:
        with safe_open(file, framework="numpy") as opened:
            said = opened.metadata() or {}
        if not OURS & said.keys():
            return None
        held = json.loads(said[KIND])
    except (OSError, SafetensorError, KeyError, ValueError):
        held = None
    if not isinstance(held, dict):
        fault = f"{where}: {file} holds no trained network"
        raise UserError(
            f"{fault}; give the model.safetensors of a training, or {', '.join(PICKLED)} of another project"
        )
    return held
