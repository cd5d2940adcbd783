"""`lpips`: LPIPS, a distance that people's judgements of picture pairs gave."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._network_distance import DistanceLoss, build_loss

SOURCE = "Zhang et al., CVPR 2018 (version 0.1)"
LOSS_NETWORKS = ("lpips",)


def build(pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None) -> DistanceLoss:
    """Build `pixel` + `weight` * LPIPS of RGB images, float32 alone; `weights` is a stored `lpips` loss network."""
    return build_loss("lpips", weights, pixel=pixel, weight=weight)
