"""What one restoration network trained under one loss depends on."""

from typing import Any

from lossbench.records import Sparse, Strict
from pipeline.specs.recipe import Recipe


class TaskSpec(Strict):
    """A task file and its settings."""

    name: str
    settings: dict[str, Any]


class NetworkSpec(Strict):
    """A network file and its arguments."""

    name: str
    arguments: dict[str, Any]


class LossSpec(Strict):
    """A loss file, its arguments, and the loss network that it needs."""

    name: str
    arguments: dict[str, Any]
    loss_network: str | None
    """File name in `lossbench/loss_networks`; None for a pixel loss."""


class TrainSpec(Sparse):
    """One run of the stage train."""

    OPTIONAL = ("start",)

    task: TaskSpec
    dataset: str
    network: NetworkSpec
    loss: LossSpec
    own_loss: bool = False
    """Whether the network's own loss replaces the loss's term `pixel`."""
    recipe: Recipe
    seed: int
    start: str | None = None
    """What it begins from in place of random weights: `loss` and the name of the loss whose run that is, or the
    `sha256:` digest of a file."""
