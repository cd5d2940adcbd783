"""What one restoration network trained under one loss depends on."""

from typing import Any

from lossbench.records import Strict
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


class TrainSpec(Strict):
    """One run of the stage train."""

    task: TaskSpec
    dataset: str
    network: NetworkSpec
    loss: LossSpec
    own_loss: bool = False
    """Whether the network's own loss replaces the loss's term `pixel`."""
    recipe: Recipe
    seed: int
