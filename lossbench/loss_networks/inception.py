"""The Inception of FID: TensorFlow's classifier of 2015-12-05 as pytorch-fid ported it, up to its pooled features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.formats import state_dicts
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._size import checked
from lossbench.storage import fill

SOURCE = "Szegedy et al., Rethinking the Inception Architecture, CVPR 2016 (TensorFlow 2015-12-05, by pytorch-fid)"
PUBLISHED: Sizes = {"FID": {}}
RELEASED = "pt_inception-2015-12-05-6726825d.pth"
"""File of the weights as pytorch-fid releases it."""

FEATURES, CLASSES = 2048, 1008
ROW, COLUMN = (1, 7), (7, 1)
"""Kernels of the resolution 17 x 17."""
SIDE = 299
"""Of the image that the weights were trained on, in pixels."""
RESIZES = {
    "legacy_bilinear": {"mode": "bilinear", "antialias": False},
    "clean_bicubic": {"mode": "bicubic", "antialias": True},
}
"""How an image becomes 299 x 299: as pytorch-fid does, aliasing included, or as clean-fid does by Pillow's bicubic."""
UNTRACKED = ".num_batches_tracked"
"""Counter of a normalisation that training alone reads; a release may hold it or not."""


def build(resize: str = "legacy_bilinear") -> Inception:
    """Build the classifier with random weights from torch's global generator.

    `resize` is one of RESIZES; distances of features under the two can't be compared. Raises UserError for another.
    """
    if resize not in RESIZES:
        raise UserError(f"loss network 'inception': unknown resize '{resize}'; {nearest(str(resize), RESIZES)}")
    return Inception(resize)


class Step(NamedTuple):
    """One convolution."""

    channels: int
    kernel: int | tuple[int, int]
    stride: int = 1


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation and ReLU."""

    def __init__(self, inputs: int, step: Step, padding: str = "same") -> None:
        """Make both; a stride of two goes without padding."""
        super().__init__()
        padding = padding if step.stride == 1 else "valid"
        self.conv = nn.Conv2d(inputs, step.channels, step.kernel, step.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(step.channels, eps=0.001)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, channels, h, w), not negative."""
        return F.relu(self.bn(self.conv(features)))


class Block(nn.Module):
    """Branches side by side, their channels one after another; the last one begins with a pool."""

    def __init__(self, inputs: int, pool: str, pooled: int = 0, **branches: Sequence[Step | tuple[Step, Step]]) -> None:
        """Make the branches and, unless `pooled` is 0, a convolution to so many channels behind the pool.

        A branch has convolutions one after another, of which the last may be two side by side. They bear its name as in
        the released file, numbered from 1 where there are several.
        """
        super().__init__()
        self.pool, self.pooled = pool, pooled
        self.branches: list[list[list[str]]] = []
        for branch, places in branches.items():
            width, chain = inputs, []
            for number, place in enumerate(places, 1):
                name = f"{branch}_{number}" if len(places) > 1 else branch
                steps = {name: place} if isinstance(place, Step) else {f"{name}a": place[0], f"{name}b": place[1]}
                for each, step in steps.items():
                    self.add_module(each, Convolution(width, step))
                width = step.channels
                chain.append(list(steps))
            self.branches.append(chain)
        if pooled:
            self.branch_pool = Convolution(inputs, Step(pooled, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, channels of all branches, h, w); the pool `halving` halves the size."""
        found: list[Tensor] = []
        for chain in self.branches:
            maps = [features]
            for names in chain:
                maps = [self.get_submodule(name)(maps[0]) for name in names]
            found += maps
        pooled = _pooled(self.pool, features)
        return torch.cat([*found, self.branch_pool(pooled) if self.pooled else pooled], dim=1)


def _pooled(pool: str, features: Tensor) -> Tensor:
    if pool == "average":
        # TensorFlow's mean leaves out what lies beyond the border
        return F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)
    return F.max_pool2d(features, 3, 2) if pool == "halving" else F.max_pool2d(features, 3, 1, 1)


def _narrow(inputs: int, pooled: int) -> Block:
    """Return a block of the resolution 35 x 35."""
    double = (Step(64, 1), Step(96, 3), Step(96, 3))
    single = (Step(48, 1), Step(64, 5))
    return Block(inputs, "average", pooled, branch1x1=(Step(64, 1),), branch5x5=single, branch3x3dbl=double)


def _to_middle(inputs: int) -> Block:
    """Return the block from 35 x 35 to 17 x 17."""
    double = (Step(64, 1), Step(96, 3), Step(96, 3, 2))
    return Block(inputs, "halving", branch3x3=(Step(384, 3, 2),), branch3x3dbl=double)


def _middle(inputs: int, width: int) -> Block:
    """Return a block of the resolution 17 x 17."""
    single = (Step(width, 1), Step(width, ROW), Step(192, COLUMN))
    double = (Step(width, 1), Step(width, COLUMN), Step(width, ROW), Step(width, COLUMN), Step(192, ROW))
    return Block(inputs, "average", 192, branch1x1=(Step(192, 1),), branch7x7=single, branch7x7dbl=double)


def _to_wide(inputs: int) -> Block:
    """Return the block from 17 x 17 to 8 x 8."""
    long = (Step(192, 1), Step(192, ROW), Step(192, COLUMN), Step(192, 3, 2))
    return Block(inputs, "halving", branch3x3=(Step(192, 1), Step(320, 3, 2)), branch7x7x3=long)


def _wide(inputs: int, pool: str) -> Block:
    """Return a block of the resolution 8 x 8."""
    fork = (Step(384, (1, 3)), Step(384, (3, 1)))
    single, double = (Step(384, 1), fork), (Step(448, 1), Step(384, 3), fork)
    return Block(inputs, pool, 192, branch1x1=(Step(320, 1),), branch3x3=single, branch3x3dbl=double)


class Inception(nn.Module):
    """Stem, eleven blocks and a classifier of 1008 classes, named as in torchvision."""

    def __init__(self, resize: str) -> None:
        """Make the layers in their order."""
        super().__init__()
        self.resize = resize
        self.Conv2d_1a_3x3 = Convolution(3, Step(32, 3, 2))
        self.Conv2d_2a_3x3 = Convolution(32, Step(32, 3), padding="valid")
        self.Conv2d_2b_3x3 = Convolution(32, Step(64, 3))
        self.maxpool1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = Convolution(64, Step(80, 1))
        self.Conv2d_4a_3x3 = Convolution(80, Step(192, 3), padding="valid")
        self.maxpool2 = nn.MaxPool2d(3, 2)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _narrow(192, 32), _narrow(256, 64), _narrow(288, 64)
        self.Mixed_6a, self.Mixed_6b = _to_middle(288), _middle(768, 128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = _middle(768, 160), _middle(768, 160), _middle(768, 192)
        # the last block of this release takes the maximum where all others take the mean
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = _to_wide(768), _wide(1280, "average"), _wide(FEATURES, "maximum")
        self.fc = nn.Linear(FEATURES, CLASSES)

    def features(self, image: Tensor) -> Tensor:
        """Return the mean (N, 2048) of the last block's maps of an RGB image (N, 3, H, W) in [0, 1], not negative.

        The image is resized to 299 x 299 whatever its shape. Raises UserError for other than three bands.
        """
        small = F.interpolate(checked(image, 3), (SIDE, SIDE), align_corners=False, **RESIZES[self.resize])  # type: ignore[arg-type]
        maps = 2 * small - 1
        for name, layer in self.named_children():
            if name != "fc":
                maps = layer(maps)
        return maps.mean(dim=(2, 3))


def import_weights(module: Inception, path: Path) -> None:
    """Fill `module` from pt_inception-2015-12-05-6726825d.pth as pytorch-fid releases it.

    Raises UserError naming the file when it is missing, damaged, holds more than weights, or is of another classifier,
    such as torchvision's own of 1000 classes.
    """
    released = {name: each for name, each in state_dicts.read(path).items() if not name.endswith(UNTRACKED)}
    fill(module, released, path, (name for name in module.state_dict() if not name.endswith(UNTRACKED)))
