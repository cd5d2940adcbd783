"""DISTS: structure and texture of VGG-16's features, weighed as people see differences."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.loss_networks import Sizes, _trunks
from lossbench.loss_networks._bands import Normalising
from lossbench.loss_networks._released import Released, weights
from lossbench.loss_networks._size import checked
from lossbench.storage import fill

SOURCE = "Ding et al., Image Quality Assessment: Unifying Structure and Texture Similarity, TPAMI 2022"
PUBLISHED: Sizes = {"VGG-16": {}}

RELEASED = Released(
    "DISTS_weights-f5e65c96.pth", "vgg16-397923af.pth", "torchmetrics/functional/image/dists_models/weights.pt"
)
"""The file of the weights of the channels, and torchvision's of the trunk."""
PLACES = (3, 8, 15, 22, 29)
"""Layers of torchvision's `features` that are compared beside the image: the last ReLU of each block."""
CHANNELS = 3 + sum(block[-1] for block in _trunks.VGG16)
CONSTANT = 1e-6
"""c1 and c2 of the paper, which keep the quotients finite."""


def build() -> DISTS:
    """Build it with random weights from torch's global generator, those of the channels near 0.1 as in training."""
    return DISTS()


class L2Pool(nn.Module):
    """Half the size by the root of the mean square in a Hann window of 3 x 3 (section 3.1 of the paper)."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, ceil(H / 2), ceil(W / 2)); the border continues by zero."""
        side = features.new_tensor([0.25, 0.5, 0.25])
        window = torch.outer(side, side).expand(features.shape[1], 1, 3, 3)
        mean = F.conv2d(features.square(), window, stride=2, padding=1, groups=features.shape[1])
        # the root has no gradient at zero
        return (mean + 1e-12).sqrt()


class DISTS(Normalising):
    """The distance of two images."""

    def __init__(self) -> None:
        """Make `features`, torchvision's by name and number with other pools, and two weights a channel."""
        super().__init__()
        self.features = _trunks.vgg16(L2Pool)
        for name in ("alpha", "beta"):
            self.register_parameter(name, nn.Parameter(torch.empty(1, CHANNELS, 1, 1).uniform_(0.08, 0.12)))

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean DISTS of two batches of RGB images (N, 3, H, W) in [0, 1], without a graph to the target.

        The paper's 1 - sum(alpha l + beta s), written as a sum of what is missing to a similarity of
        one: the same number, but neither negative nor above zero at equality by rounding. Images are not resized.
        """
        with torch.no_grad():
            theirs = self._maps(target)
        pairs = zip(self._maps(prediction), theirs, strict=True)
        texture, structure = map(torch.cat, zip(*(_missing(mine, other) for mine, other in pairs), strict=True))
        alpha, beta = self.get_parameter("alpha").flatten(), self.get_parameter("beta").flatten()
        total: Tensor = (alpha @ texture + beta @ structure) / (alpha.sum() + beta.sum())
        return total

    def _maps(self, image: Tensor) -> list[Tensor]:
        """Return the image and the features of each compared layer."""
        maps, features = [checked(image, 3)], self.normalised(image)
        for place, layer in enumerate(self.features):
            features = layer(features)
            if place in PLACES:
                maps.append(features)
        return maps


def _missing(mine: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return what texture and structure of maps (N, C, h, w) miss to a similarity of one: two (C,), means over N."""
    means = mine.mean((2, 3), keepdim=True), other.mean((2, 3), keepdim=True)
    texture = (means[0] - means[1]).square() / (means[0].square() + means[1].square() + CONSTANT)
    parts = mine - means[0], other - means[1]
    variances = (part.square().mean((2, 3), keepdim=True) for part in (parts[0] - parts[1], *parts))
    difference, first, second = variances
    structure = difference / (first + second + CONSTANT)
    return texture.mean(0).flatten(), structure.mean(0).flatten()


def import_weights(module: DISTS, path: Path) -> None:
    """Fill `module` from vgg16-397923af.pth of torchvision and DISTS_weights-f5e65c96.pth, of which `path` is either.

    Weights of the channels that do not lie in the same folder are those that the package torchmetrics ships. Raises
    UserError naming the file when one is missing, damaged, another than its name says, or does not fit.
    """
    fill(module, weights(path, RELEASED), path)
