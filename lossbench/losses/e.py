"""`e`: mean squared error of the pixels (E)."""

from __future__ import annotations

from lossbench.losses.original import PixelLoss

SOURCE = "robust-perceptual paper, section 2"
LOSS_NETWORKS: tuple[str, ...] = ()


def build() -> PixelLoss:
    """Build the mean squared error."""
    return PixelLoss("l2")
