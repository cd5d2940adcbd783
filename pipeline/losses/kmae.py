"""`kmae`: the encoder of a masked autoencoder with public weights, trained on other imagery than the task's."""

from __future__ import annotations

from pathlib import Path

from pipeline.losses._features import FeatureLoss, encode, loss_network

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 3"
LOSS_NETWORKS = ("mae",)


def build(pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features; `weights` is a stored `mae` loss network."""
    network = loss_network("kmae", LOSS_NETWORKS, weights)
    return FeatureLoss("kmae", network, encode, pixel=pixel, weight=weight)
