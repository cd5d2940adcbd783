"""R-LPIPS: LPIPS's distance with a trunk and heads of one's own, trained on attacked images; never LPIPS itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.loss_networks import Sizes
from lossbench.loss_networks.lpips import unit
from lossbench.loss_networks.vgg16 import VGG16, WIDTHS

SOURCE = "Zhang et al., CVPR 2018, with heads trained by this pipeline on attacked images: paper B released none"
PUBLISHED: Sizes = {"VGG-16": {}}

LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
"""Whose features are compared, after their ReLU: the last convolution of each block."""
DEPTHS = tuple(len(block) for block in WIDTHS)
DROPOUT = 0.5
"""Share of the squared differences that training leaves out before each head."""


def build(layout: str = "torchvision", widths: Sequence[int] = (64, 128, 256, 512, 512)) -> RobustLPIPS:
    """Build trunk and heads with random weights from torch's global generator, the heads non-negative.

    `layout` says how the trunk's weights expect the image, as of the loss network vgg16; `widths` are the channels of
    its five blocks. Raises UserError for another layout or number of blocks.
    """
    if len(widths) != len(DEPTHS):
        raise UserError(f"loss network 'robust_lpips': {len(widths)} widths; give one for each of {len(DEPTHS)} blocks")
    return RobustLPIPS(layout, widths)


class RobustLPIPS(nn.Module):
    """The distance of two images: differences of the trunk's features, weighed channel by channel."""

    def __init__(self, layout: str, widths: Sequence[int]) -> None:
        """Make `trunk`, whose state is that of the loss network vgg16 at its widths, and one head a block."""
        super().__init__()
        self.trunk = VGG16(layout, [[width] * depth for width, depth in zip(widths, DEPTHS, strict=True)])
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in widths)
        self.dropout = nn.Dropout(DROPOUT)
        for width, weight in zip(widths, self.heads.parameters(), strict=True):
            nn.init.uniform_(weight, 0, width**-0.5)

    def distances(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the distance (N,) of each pair of two batches of RGB images (N, 3, H, W) in [0, 1], not negative.

        The graph goes to both and to all weights; in training mode the heads see half of the differences, chosen by
        torch's global generator. Images below 16 pixels are enlarged at the right and bottom.
        """
        return self.between(self.features(prediction), self.features(target))

    def features(self, images: Tensor) -> list[Tensor]:
        """Return what `between` compares of RGB images (N, 3, H, W) in [0, 1]: for each of LAYERS (N, C, h, w).

        The channels have length one at each position, in float32 also where the trunk ran in bfloat16.
        """
        found = self.trunk.layers(images, LAYERS)
        return [unit(found[name].float()) for name in LAYERS]

    def between(self, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
        """Return the distance (N,) of each pair of images from the `features` of both."""
        differences = [(mine - other).square() for mine, other in zip(ours, theirs, strict=True)]
        pairs = zip(self.heads, differences, strict=True)
        return torch.stack([head(self.dropout(each)).mean(dim=(1, 2, 3)) for head, each in pairs]).sum(dim=0)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean of `distances` over the batch."""
        return self.distances(prediction, target).mean()

    def clamp_heads(self) -> None:
        """Set negative weights of the heads to zero; training calls it after each step, so that no distance is < 0."""
        with torch.no_grad():
            for weight in self.heads.parameters():
                weight.clamp_(min=0)
