"""Losses by name: `build("kmae", pixel="l1", weight=1.0, weights=PATH)`."""

from __future__ import annotations

from typing import Any

from pipeline.losses._terms import WeightedTerms
from pipeline.plugins import check_arguments, load, names


def build(name: str, **arguments: Any) -> WeightedTerms:
    """Build the loss `name`; raises UserError naming the nearest loss or argument on a miss."""
    module = load("losses", name)
    check_arguments(f"loss '{name}'", module.build, arguments)
    loss: WeightedTerms = module.build(**arguments)
    return loss


def listing() -> list[dict[str, Any]]:
    """List every loss with its source and the loss networks that it can use."""
    modules = {name: load("losses", name) for name in names("losses")}
    return [
        {"name": name, "source": module.SOURCE, "loss_networks": list(module.LOSS_NETWORKS)}
        for name, module in modules.items()
    ]
