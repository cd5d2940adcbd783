"""The Inception of FID: TensorFlow's classifier of 2015-12-05 as pytorch-fid ported it, up to its pooled features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Sizes, _state_dicts
from lossbench.loss_networks._size import checked
from lossbench.storage import fill

SOURCE = "Szegedy et al., Rethinking the Inception Architecture, CVPR 2016 (TensorFlow 2015-12-05, by pytorch-fid)"
PUBLISHED: Sizes = {"FID": {}}
RELEASED = "pt_inception-2015-12-05-6726825d.pth"
"""File of the weights as pytorch-fid releases it."""

FEATURES, CLASSES = 2048, 1008
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
    """One convolution of a block, with its name in the released file."""

    name: str
    channels: int
    kernel: int | tuple[int, int]
    stride: int = 1


class Branch(NamedTuple):
    """Convolutions one after another, then those of `fork` side by side on what comes out."""

    chain: tuple[Step, ...]
    fork: tuple[Step, ...] = ()


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

    def __init__(self, inputs: int, branches: Sequence[Branch], pool: str, pooled: int = 0) -> None:
        """Make the branches and, unless `pooled` is 0, a convolution to so many channels behind the pool."""
        super().__init__()
        self.branches, self.pool, self.pooled = branches, pool, pooled
        for branch in branches:
            width = inputs
            for step in branch.chain:
                self.add_module(step.name, Convolution(width, step))
                width = step.channels
            for step in branch.fork:
                self.add_module(step.name, Convolution(width, step))
        if pooled:
            self.branch_pool = Convolution(inputs, Step("branch_pool", pooled, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, channels of all branches, h, w); the pool `halving` halves the size."""
        found = [each for branch in self.branches for each in self._follow(branch, features)]
        pooled = _pooled(self.pool, features)
        return torch.cat([*found, self.branch_pool(pooled) if self.pooled else pooled], dim=1)

    def _follow(self, branch: Branch, features: Tensor) -> list[Tensor]:
        for step in branch.chain:
            features = self.get_submodule(step.name)(features)
        return [self.get_submodule(step.name)(features) for step in branch.fork] or [features]


def _pooled(pool: str, features: Tensor) -> Tensor:
    if pool == "average":
        # TensorFlow's mean leaves out what lies beyond the border
        return F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)
    return F.max_pool2d(features, 3, 2) if pool == "halving" else F.max_pool2d(features, 3, 1, 1)


def _narrow(inputs: int, pooled: int) -> Block:
    """Return a block of the resolution 35 x 35."""
    branches = (
        Branch((Step("branch1x1", 64, 1),)),
        Branch((Step("branch5x5_1", 48, 1), Step("branch5x5_2", 64, 5))),
        Branch((Step("branch3x3dbl_1", 64, 1), Step("branch3x3dbl_2", 96, 3), Step("branch3x3dbl_3", 96, 3))),
    )
    return Block(inputs, branches, "average", pooled)


def _to_middle(inputs: int) -> Block:
    """Return the block from 35 x 35 to 17 x 17."""
    chain = (Step("branch3x3dbl_1", 64, 1), Step("branch3x3dbl_2", 96, 3), Step("branch3x3dbl_3", 96, 3, 2))
    return Block(inputs, (Branch((Step("branch3x3", 384, 3, 2),)), Branch(chain)), "halving")


def _middle(inputs: int, width: int) -> Block:
    """Return a block of the resolution 17 x 17."""
    row, column = (1, 7), (7, 1)
    single = (Step("branch7x7_1", width, 1), Step("branch7x7_2", width, row), Step("branch7x7_3", 192, column))
    double = (
        Step("branch7x7dbl_1", width, 1),
        Step("branch7x7dbl_2", width, column),
        Step("branch7x7dbl_3", width, row),
        Step("branch7x7dbl_4", width, column),
        Step("branch7x7dbl_5", 192, row),
    )
    return Block(inputs, (Branch((Step("branch1x1", 192, 1),)), Branch(single), Branch(double)), "average", 192)


def _to_wide(inputs: int) -> Block:
    """Return the block from 17 x 17 to 8 x 8."""
    short = (Step("branch3x3_1", 192, 1), Step("branch3x3_2", 320, 3, 2))
    long = (
        Step("branch7x7x3_1", 192, 1),
        Step("branch7x7x3_2", 192, (1, 7)),
        Step("branch7x7x3_3", 192, (7, 1)),
        Step("branch7x7x3_4", 192, 3, 2),
    )
    return Block(inputs, (Branch(short), Branch(long)), "halving")


def _wide(inputs: int, pool: str) -> Block:
    """Return a block of the resolution 8 x 8."""

    def fork(name: str) -> tuple[Step, Step]:
        return Step(f"{name}a", 384, (1, 3)), Step(f"{name}b", 384, (3, 1))

    double = (Step("branch3x3dbl_1", 448, 1), Step("branch3x3dbl_2", 384, 3))
    branches = (
        Branch((Step("branch1x1", 320, 1),)),
        Branch((Step("branch3x3_1", 384, 1),), fork("branch3x3_2")),
        Branch(double, fork("branch3x3dbl_3")),
    )
    return Block(inputs, branches, pool, 192)


class Inception(nn.Module):
    """Stem, eleven blocks and a classifier of 1008 classes, named as in torchvision."""

    def __init__(self, resize: str) -> None:
        """Make the layers in their order."""
        super().__init__()
        self.resize = resize
        self.Conv2d_1a_3x3 = Convolution(3, Step("1a", 32, 3, 2))
        self.Conv2d_2a_3x3 = Convolution(32, Step("2a", 32, 3), padding="valid")
        self.Conv2d_2b_3x3 = Convolution(32, Step("2b", 64, 3))
        self.maxpool1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = Convolution(64, Step("3b", 80, 1))
        self.Conv2d_4a_3x3 = Convolution(80, Step("4a", 192, 3), padding="valid")
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
    released = {name: each for name, each in _state_dicts.read(path).items() if not name.endswith(UNTRACKED)}
    fill(module, released, path, (name for name in module.state_dict() if not name.endswith(UNTRACKED)))
