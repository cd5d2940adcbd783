"""ResNet-50 without its classifier, in torchvision's convention: the classifier of the paper's figure 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.assets.optional import imported
from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._bands import Normalising
from lossbench.loss_networks._size import checked, grown
from lossbench.loss_networks._wrapped import unwrapped
from lossbench.storage import fill

VERSIONS_OF = ("torchvision",)
SOURCE = "He et al., Deep Residual Learning, CVPR 2016, table 1 (torchvision's variant: the 3 x 3 has the stride)"
PUBLISHED: Sizes = {"ImageNet": {}}
PARAMETERS = {"ImageNet": 23_508_032}
"""Without the 2,049,000 of the classifier on 1000 classes, with which torchvision counts 25,557,032."""

BLOCKS = (3, 4, 6, 3)
"""Bottlenecks of each stage."""
LAYERS = ("conv1", "layer1", "layer2", "layer3", "layer4")
"""By torchvision's names, each after its last ReLU: 64, 256, 512, 1024, 2048 channels at 1/2, 1/4, 1/8, 1/16, 1/32 of
the side. The pool lies between the first two. `conv1` and `layer1` are the nearest to a VGG's layers of P and T."""
LEAST = 32
"""Side in pixels that leaves `layer4` one position; smaller images are enlarged."""


def build(blocks: Sequence[int] = BLOCKS) -> ResNet50:
    """Build the trunk with random weights from torch's global generator, as torchvision draws them.

    `blocks` are the bottlenecks of each stage; fewer than published make a smaller network of the same layers. Raises
    UserError for other than four counts of 1 or more.
    """
    if len(blocks) != len(BLOCKS) or min(blocks) < 1:
        raise UserError(f"loss network 'resnet50': blocks {list(blocks)}; give four counts of 1 or more")
    return ResNet50(blocks)


class ResNet50(Normalising):
    """A 7 x 7 convolution, a max pool, and four stages of bottlenecks with batch normalisation."""

    def __init__(self, blocks: Sequence[int]) -> None:
        """Take over torchvision's modules under their own names."""
        super().__init__()
        resnet = imported("torchvision.models.resnet", "loss network 'resnet50'")
        for name, module in resnet.ResNet(resnet.Bottleneck, list(blocks)).named_children():
            if name in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"):
                self.add_module(name, module)

    def layers(self, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the feature maps `names` (of `LAYERS`) of an RGB image (N, 3, H, W) in [0, 1]; all non-negative.

        Nothing beyond the deepest name is computed. Raises UserError for an unknown name.
        """
        wanted = set(names)
        for name in sorted(wanted - set(LAYERS)):
            raise UserError(f"layers: ResNet-50 has no '{name}'; {nearest(name, LAYERS)}")
        features = self.normalised(grown(checked(image, 3), LEAST, LEAST))
        maps: dict[str, Tensor] = {}
        for name in LAYERS[: max((LAYERS.index(name) + 1 for name in wanted), default=0)]:
            features = self._layer(name, features)
            if name in wanted:
                maps[name] = features
        return maps

    def _layer(self, name: str, features: Tensor) -> Tensor:
        if name == "conv1":
            return F.relu(self.get_submodule("bn1")(self.get_submodule("conv1")(features)))
        if name == "layer1":
            features = F.max_pool2d(features, 3, stride=2, padding=1)
        stage: Tensor = self.get_submodule(name)(features)
        return stage


def import_weights(module: ResNet50, path: Path) -> None:
    """Fill `module` from a state dict of torchvision's `resnet50`, plain or robust, less the classifier.

    Takes the layouts of `_wrapped.unwrapped`, such as MadryLab's. Raises UserError naming the file when it is missing,
    damaged, holds more than weights, is of another network, or normalises images by another mean and deviation.
    """
    released = unwrapped(path, module).items()
    trunk = {name: tensor for name, tensor in released if not name.startswith("fc.")}
    # files of before torch 0.4.1 do not count the batches, which matters to training without momentum only
    for name in module.state_dict():
        if name.endswith("num_batches_tracked"):
            trunk.setdefault(name, torch.tensor(0))
    fill(module, trunk, path)
