"""LPIPS 0.1: a classifier's features, and heads that weigh their differences as people see them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Sizes, _released, _trunks
from lossbench.loss_networks._bands import keep_statistic
from lossbench.loss_networks._size import checked, grown
from lossbench.storage import fill

SOURCE = "Zhang et al., The Unreasonable Effectiveness of Deep Features, CVPR 2018 (version 0.1)"
PUBLISHED: Sizes = {
    "VGG-16": {"net": "vgg"},
    "AlexNet": {"net": "alex"},
    "SqueezeNet": {"net": "squeeze"},
}

SHIPPED = "torchmetrics/functional/image/lpips_models"
RELEASED = {
    "vgg": _released.Released("LPIPS_v0.1_vgg-a78928a0.pth", "vgg16-397923af.pth", f"{SHIPPED}/vgg.pth"),
    "alex": _released.Released("LPIPS_v0.1_alex-df73285e.pth", "alexnet-owt-7be5be79.pth", f"{SHIPPED}/alex.pth"),
    "squeeze": _released.Released(
        "LPIPS_v0.1_squeeze-4a5350f2.pth", "squeezenet1_1-b8a52dc0.pth", f"{SHIPPED}/squeeze.pth"
    ),
}
"""Of each net the file of the heads, and torchvision's of the trunk that they were trained for."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What is subtracted from images in [-1, 1], and by what they are divided then: ImageNet's mean and deviation."""
TINY = 1e-20
"""Square of the length below which features count as none; LPIPS itself has no gradient where all are zero."""


class Net(NamedTuple):
    """Which layers of a trunk are compared."""

    places: tuple[int, ...]
    """By their numbers in torchvision's `features`; each ends in a ReLU."""
    channels: tuple[int, ...]
    least: int
    """Side in pixels of the smallest image of which every layer has a position."""


NETS = {
    "vgg": Net((3, 8, 15, 22, 29), (64, 128, 256, 512, 512), 16),
    "alex": Net((1, 4, 7, 9, 11), (64, 192, 384, 256, 256), 31),
    "squeeze": Net((1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512), 17),
}


def build(net: str = "vgg") -> LPIPS:
    """Build trunk and heads with random weights from torch's global generator, the heads non-negative as released.

    `net` is `vgg`, `alex` or `squeeze`. Raises UserError for another.
    """
    if net not in NETS:
        raise UserError(f"loss network 'lpips': unknown net '{net}'; {nearest(str(net), NETS)}")
    return LPIPS(net)


class LPIPS(nn.Module):
    """The distance of two images: squared differences of a trunk's features, weighed channel by channel."""

    shift: Tensor
    scale: Tensor

    def __init__(self, net: str) -> None:
        """Make `features`, torchvision's by name and number, and one head a layer that is compared."""
        super().__init__()
        self.net = net
        if net == "vgg":
            self.features = _trunks.vgg16(lambda: nn.MaxPool2d(2))
        else:
            self.features = _trunks.alexnet() if net == "alex" else _trunks.squeezenet()
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in NETS[net].channels)
        for width, weight in zip(NETS[net].channels, self.heads.parameters(), strict=True):
            nn.init.uniform_(weight, 0, width**-0.5)
        keep_statistic(self, "shift", SHIFT)
        keep_statistic(self, "scale", SCALE)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean LPIPS of two batches of RGB images (N, 3, H, W) in [0, 1], without a graph to the target.

        Images too small for the deepest layer are enlarged at the right and bottom.
        """
        with torch.no_grad():
            theirs = self._maps(target)
        pairs = zip(self.heads, self._maps(prediction), theirs, strict=True)
        return torch.stack([head((mine - other).square()).mean() for head, mine, other in pairs]).sum()

    def _maps(self, image: Tensor) -> list[Tensor]:
        """Return the features of each compared layer, with channels of length one at each position."""
        places, _, least = NETS[self.net]
        features = (2 * grown(checked(image, 3), least, least) - 1 - self.shift) / self.scale
        maps = []
        for place, layer in enumerate(self.features):
            features = layer(features)
            if place in places:
                maps.append(unit(features))
        return maps


def unit(features: Tensor) -> Tensor:
    """Return (N, C, h, w) with channels of length one at each position; all zero where they are all zero."""
    # the clamp keeps the gradient finite there
    length: Tensor = features.square().sum(dim=1, keepdim=True).clamp(min=TINY).sqrt()
    return features / (length + 1e-10)


def import_weights(module: LPIPS, path: Path) -> None:
    """Fill `module` from torchvision's file of the trunk and the released heads, of which `path` is either.

    For `vgg` these are vgg16-397923af.pth and LPIPS_v0.1_vgg-a78928a0.pth; heads that do not lie in the same folder are
    those that the package torchmetrics ships. Raises UserError naming the file when one is missing, damaged, another
    than its name says, or does not fit.
    """
    found = _released.weights(path, RELEASED[module.net])
    fill(module, {_name(name): tensor for name, tensor in found.items()}, path)


def _name(released: str) -> str:
    """Return `heads.1.weight` of `lin1.model.1.weight`, all else as it is."""
    head, dot, rest = released.partition(".model.1.")
    return f"heads.{head.removeprefix('lin')}.{rest}" if dot and head.startswith("lin") else released
