"""Losses whose loss network gives a distance of two images: pixel distance + weight * that distance."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from lossbench.loss_networks import DistanceNetwork
from lossbench.losses._features import Hidden, loss_network
from lossbench.terms import WeightedTerms, distance


class DistanceLoss(Hidden, WeightedTerms):
    """`pixel` distance of the images plus `weight` times the distance of a frozen network, in float32."""

    def __init__(self, name: str, network: nn.Module, *, pixel: str, weight: float) -> None:
        """Freeze `network`, whose method `distance` gives the term `name`."""
        super().__init__({"pixel": 1.0, name: weight})
        self.name = name
        self.distance = distance(pixel)
        self.hide(network)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms `pixel` and the loss's own."""
        network = cast(DistanceNetwork, self.network)
        return {"pixel": self.distance(prediction, target), self.name: network.distance(prediction, target)}


def build_loss(name: str, /, pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None) -> DistanceLoss:
    """Build `pixel` + `weight` * the distance `name` of RGB images, float32 alone, on the loss network in `weights`.

    The loss network is of the same name. Raises UserError for weights that are absent or of another kind.
    """
    return DistanceLoss(name, loss_network(name, (name,), weights), pixel=pixel, weight=weight)
