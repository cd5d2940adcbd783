"""VGG-19 without its classifier, in torchvision's convention: the usual features of a VGG loss."""

from __future__ import annotations

from pathlib import Path

from lossbench.loss_networks import Sizes
from lossbench.loss_networks._vgg import VGG, import_torchvision

SOURCE = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration E (torchvision release)"
PUBLISHED: Sizes = {"ImageNet": {}}

WIDTHS = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
"""Channels of the convolutions of each block."""


def build() -> VGG19:
    """Build the trunk with random weights from torch's global generator."""
    return VGG19()


class VGG19(VGG):
    """The sixteen convolutions conv1_1 ... conv5_4 and five max pools."""

    def __init__(self) -> None:
        """Make the convolutions."""
        super().__init__("VGG-19", WIDTHS)


def import_weights(module: VGG19, path: Path) -> None:
    """Fill `module` from torchvision's `vgg19`, plain or robust: see `_vgg.import_torchvision`."""
    import_torchvision(module, path)
