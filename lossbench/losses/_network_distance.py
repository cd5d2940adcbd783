"""Losses whose loss network gives a distance of two images: pixel distance + weight * that distance."""

from pathlib import Path
from typing import cast

from torch import Tensor

from lossbench.loss_networks import DistanceNetwork
from lossbench.losses._features import NetworkLoss, loss_network


class DistanceLoss(NetworkLoss):
    """`pixel` distance of the images plus `weight` times the distance of a frozen network, in float32."""

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the network's distance."""
        return cast(DistanceNetwork, self.network).distance(prediction, target)


def build_loss(
    name: str,
    kinds: tuple[str, ...],
    /,
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    every: int = 1,
) -> DistanceLoss:
    """Build `pixel` + `weight` * the distance `name` of RGB images, float32 alone, on the loss network in `weights`.

    With `pixel` None it is that distance alone, which is in every `every`-th step alone, so many times as heavy there.
    The loss network is one of `kinds`. Raises UserError for weights that are absent or of another kind.
    """
    return DistanceLoss(name, loss_network(name, kinds, weights), pixel=pixel, weight=weight, every=every)
