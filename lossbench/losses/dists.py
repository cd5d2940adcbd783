"""`dists`: DISTS, a distance that leaves textures of one look alike."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._network_distance import DistanceLoss, build_loss

SOURCE = "Ding et al., TPAMI 2022"
LOSS_NETWORKS = ("dists",)


def build(pixel: str = "l1", weight: float = 1.0, weights: Path | str | None = None) -> DistanceLoss:
    """Build `pixel` + `weight` * DISTS of RGB images, float32 alone; `weights` is a stored `dists` loss network."""
    return build_loss("dists", weights, pixel=pixel, weight=weight)
