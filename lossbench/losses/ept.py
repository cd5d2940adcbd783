"""`ept`: E + P + T, on a standard VGG."""

from __future__ import annotations

from pathlib import Path

from lossbench.losses._perceptual import PerceptualSum, build_sum

SOURCE = "robust-perceptual paper, eq. 1 and 2 and section 2"
LOSS_NETWORKS = ("vgg19", "vgg16")


def build(
    weights: Path | str | None = None, layers: str = "literal", patches: str = "image", precision: str = "exact"
) -> PerceptualSum:
    """Build the loss on the VGG stored in `weights`.

    `layers` of P: `literal` (conv1_2, conv3_1) or `enhancenet` (pool2, pool5).
    `patches` of T: cut from the `image` or from each `map`.
    """
    return build_sum("ept", weights, precision, layers=layers, patches=patches)
