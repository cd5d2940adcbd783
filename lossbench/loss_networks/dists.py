"""DISTS, by the package pyiqa: structure and texture of VGG-16's features, weighed as people see differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss_networks import Sizes, _pyiqa
from lossbench.loss_networks._size import checked
from lossbench.storage import fill

SOURCE = "Ding et al., Image Quality Assessment: Unifying Structure and Texture Similarity, TPAMI 2022 (by pyiqa)"
PUBLISHED: Sizes = {"VGG-16": {}}
PARAMETERS = {"VGG-16": 14_717_638}
"""Of the published size; building it to count would import pyiqa, which takes ten seconds."""

RELEASED = ("DISTS_weights-f5e65c96.pth", "vgg16-397923af.pth")
"""The file of the weights of the channels, as pyiqa releases it, and torchvision's of the trunk."""
CONSTANT = 1e-6
"""c1 and c2 of the paper, which keep the quotients finite."""


def build() -> DISTS:
    """Build it with random weights from torch's global generator; raises UserError without the package pyiqa."""
    return DISTS()


class DISTS(nn.Module):
    """The distance of two images, everything frozen."""

    def __init__(self) -> None:
        """Make the module of pyiqa."""
        super().__init__()
        self.model: Any = _pyiqa.made("DISTS")

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean DISTS of two batches of RGB images (N, 3, H, W) in [0, 1], without a graph to the target.

        The paper's 1 - sum(alpha l + beta s), written as a sum of what is missing to a similarity of
        one: the same number, but neither negative nor above zero at equality by rounding. Images are not resized.
        """
        with torch.no_grad():
            theirs = self.model.forward_once(checked(target, 3))
        pairs = zip(self.model.forward_once(checked(prediction, 3)), theirs, strict=True)
        texture, structure = map(torch.cat, zip(*(_missing(mine, other) for mine, other in pairs), strict=True))
        alpha, beta = self.model.alpha.flatten(), self.model.beta.flatten()
        total: Tensor = (alpha @ texture + beta @ structure) / (alpha.sum() + beta.sum())
        return total


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
    """Fill `module` from DISTS_weights-f5e65c96.pth as pyiqa releases it, and vgg16-397923af.pth in the same folder.

    Raises UserError naming the file when one is missing, damaged, another than its name says, or does not fit.
    """
    own = module.model.state_dict()
    # the window of the pools and the statistics of the images are part of no file
    constant = {name: tensor for name, tensor in own.items() if name.endswith(".filter") or name in ("mean", "std")}
    state = {**constant, **_pyiqa.released(path, *RELEASED, own)}
    fill(module, {f"model.{name}": tensor for name, tensor in state.items()}, path)
