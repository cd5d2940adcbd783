"""VGG-19 without its classifier, in torchvision's convention: the usual features of a VGG loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.learning.storage import fill
from pipeline.loss_networks import _pickled
from pipeline.loss_networks._vgg import VGG
from pipeline.loss_networks._wrapped import unwrapped

SOURCE = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration E (torchvision release)"
PUBLISHED: dict[str, dict[str, Any]] = {"ImageNet": {}}

WIDTHS = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
"""Channels of the convolutions of each block."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet statistics of red, green and blue in [0, 1], with which torchvision trained."""
POSITIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Where the convolutions stand among torchvision's `features`, with ReLUs and pools between."""


def build() -> VGG19:
    """Build the trunk with random weights from torch's global generator."""
    return VGG19()


class VGG19(VGG):
    """The sixteen convolutions conv1_1 ... conv5_4 and five max pools."""

    def __init__(self) -> None:
        """Make the convolutions."""
        super().__init__("VGG-19", WIDTHS, MEAN, STD)


def import_weights(module: VGG19, path: Path) -> None:
    """Fill `module` from a state dict of torchvision's `vgg19` (without batch normalisation), less the classifier.

    The state dict may be the whole file or lie under `model` or `state_dict`, and may be that of a classifier trained
    against attacks in the layout of MadryLab's `robustness` library (see `_wrapped.unwrapped`). Raises UserError naming
    the file when it is missing, damaged, holds more than weights, is of another network, or expects images normalised
    by another mean and deviation than ImageNet's.
    """
    convolutions = (name for name in module.names if name.startswith("conv"))
    names = {
        f"features.{position}.{kind}": f"{name}.{kind}"
        for name, position in zip(convolutions, POSITIONS, strict=True)
        for kind in ("weight", "bias")
    }
    released = unwrapped(_pickled.checkpoint(path), module, path).items()
    trunk = {names.get(name, name): tensor for name, tensor in released if not name.startswith("classifier.")}
    fill(module, trunk, path)
