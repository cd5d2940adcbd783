"""`ctmae_video`: `ctmae` for clips, by a video masked autoencoder trained on the ground truth of the task."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._clips import build_loss
from lossbench.losses._features import FeatureLoss

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 4, video"
LOSS_NETWORKS = ("videomae", "mae_st")


def build(
    pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None, precision: str = "exact"
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features, for clips (N, T, C, H, W) with T even.

    `weights` is a stored `videomae` or `mae_st` loss network. An image (N, C, H, W) is refused with a ValueError.
    """
    return build_loss("ctmae_video", LOSS_NETWORKS, weights, pixel=pixel, weight=weight, precision=precision)
