"""`ccmae`: the encoder of a convolutional masked autoencoder trained on the task's ground truth."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._features import FeatureLoss, encode, loss_network

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 5"
LOSS_NETWORKS = ("cnn_mae", "unet_mae")


def build(
    pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None, precision: str = "exact"
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features of the loss network stored in `weights`."""
    network = loss_network("ccmae", LOSS_NETWORKS, weights)
    return FeatureLoss("ccmae", network, encode, pixel=pixel, weight=weight, precision=precision)
