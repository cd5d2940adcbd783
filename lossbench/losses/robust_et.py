"""`robust_et`: E + T, on an adversarially trained VGG."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._perceptual import PerceptualSum, build_sum

SOURCE = "robust-perceptual paper, eq. 2 and section 2"
LOSS_NETWORKS = ("vgg19", "vgg16")


def build(weights: Path | str | None = None, patches: str = "image", precision: str = "exact") -> PerceptualSum:
    """Build the loss on the VGG stored in `weights`.

    `patches` of T: cut from the `image` or from each `map`.
    """
    return build_sum("robust_et", weights, precision, patches=patches)
