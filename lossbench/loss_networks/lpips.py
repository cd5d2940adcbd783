"""LPIPS 0.1, by the package pyiqa: a classifier's features and heads that weigh them as people see differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Sizes, _pyiqa
from lossbench.loss_networks._size import checked, grown
from lossbench.storage import fill

SOURCE = "Zhang et al., The Unreasonable Effectiveness of Deep Features, CVPR 2018 (version 0.1, by pyiqa)"
PUBLISHED: Sizes = {
    "VGG-16": {"net": "vgg"},
    "AlexNet": {"net": "alex"},
    "SqueezeNet": {"net": "squeeze"},
}
PARAMETERS = {"VGG-16": 14_716_160, "AlexNet": 2_470_848, "SqueezeNet": 724_736}
"""Of the published sizes; building them to count would import pyiqa, which takes ten seconds."""

RELEASED = {
    "vgg": ("LPIPS_v0.1_vgg-a78928a0.pth", "vgg16-397923af.pth"),
    "alex": ("LPIPS_v0.1_alex-df73285e.pth", "alexnet-owt-7be5be79.pth"),
    "squeeze": ("LPIPS_v0.1_squeeze-4a5350f2.pth", "squeezenet1_1-b8a52dc0.pth"),
}
"""Of each net pyiqa's file of the heads, and torchvision's of the trunk that they were trained for."""
LEAST = {"vgg": 16, "alex": 31, "squeeze": 17}
"""Side in pixels of the smallest image of which every layer has a position."""
TINY = 1e-20
"""Square of the length below which features count as none; LPIPS itself has no gradient where all are zero."""


def build(net: str = "vgg") -> LPIPS:
    """Build trunk and heads with random weights from torch's global generator, the heads non-negative as released.

    `net` is `vgg`, `alex` or `squeeze`. Raises UserError for another, and without the package pyiqa.
    """
    if net not in RELEASED:
        raise UserError(f"loss network 'lpips': unknown net '{net}'; {nearest(str(net), RELEASED)}")
    return LPIPS(net)


class LPIPS(nn.Module):
    """The distance of two images, trunk and heads frozen."""

    def __init__(self, net: str) -> None:
        """Make the module of pyiqa."""
        super().__init__()
        self.net = net
        self.model: Any = _pyiqa.made("LPIPS", net=net, pnet_rand=True)
        for index, head in enumerate(self.model.lins):
            # each head has two names there, and a file holds it once
            delattr(self.model, f"lin{index}")
            for weight in head.parameters():
                weight.data.abs_()

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean LPIPS of two batches of RGB images (N, 3, H, W) in [0, 1], without a graph to the target.

        Images too small for the deepest layer are enlarged at the right and bottom.
        """
        with torch.no_grad():
            theirs = self._maps(target)
        pairs = zip(self.model.lins, self._maps(prediction), theirs, strict=True)
        return torch.stack([head((mine - other).square()).mean() for head, mine, other in pairs]).sum()

    def _maps(self, image: Tensor) -> list[Tensor]:
        image = grown(checked(image, 3), LEAST[self.net], LEAST[self.net])
        maps = self.model.net(self.model.scaling_layer(2 * image - 1))
        return [each / (each.square().sum(dim=1, keepdim=True).clamp(min=TINY).sqrt() + 1e-10) for each in maps]


def import_weights(module: LPIPS, path: Path) -> None:
    """Fill `module` from the heads `path` as pyiqa releases them, and the trunk of torchvision in the same folder.

    For `vgg` these are LPIPS_v0.1_vgg-a78928a0.pth and vgg16-397923af.pth. Raises UserError naming the file when one
    is missing, damaged, another than its name says, or does not fit.
    """
    head, trunk = RELEASED[module.net]
    own = module.model.state_dict()
    # the statistics that the images are scaled by are part of no file
    constant = {name: tensor for name, tensor in own.items() if name.startswith("scaling_layer.")}
    found = _pyiqa.released(path, head, trunk, own).items()
    state = {_name(name): tensor for name, tensor in found}
    fill(module, {f"model.{name}": tensor for name, tensor in {**constant, **state}.items()}, path)


def _name(released: str) -> str:
    """Return `lins.0.model.1.weight` of `lin0.model.1.weight`, all else as it is."""
    return f"lins.{released[3:]}" if released.startswith("lin") and released[3:4].isdigit() else released
