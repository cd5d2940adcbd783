"""Trunks of LPIPS and DISTS, layer by layer as torchvision numbers them, so that its files fill them as they are."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block."""


def vgg16(pool: Callable[[], nn.Module]) -> nn.Sequential:
    """Return VGG-16 up to its last convolution, with a `pool` between the blocks: `features` of torchvision's."""
    layers: list[nn.Module] = []
    bands = 3
    for block in VGG16:
        layers += [pool()] if layers else []
        for width in block:
            layers += [nn.Conv2d(bands, width, 3, padding=1), nn.ReLU(inplace=True)]
            bands = width
    return nn.Sequential(*layers)


def alexnet() -> nn.Sequential:
    """Return AlexNet (Krizhevsky 2014) up to its last convolution: `features` of torchvision's."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
    )


def squeezenet() -> nn.Sequential:
    """Return SqueezeNet 1.1 (Iandola et al. 2016) without its classifier: `features` of torchvision's."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )


class Fire(nn.Module):
    """Few bands, expanded by a 1 x 1 and a 3 x 3 convolution side by side; each convolution has its ReLU."""

    def __init__(self, bands: int, squeezed: int, expanded: int) -> None:
        """Make the three convolutions, of which the last two have `expanded` channels each."""
        super().__init__()
        self.squeeze = nn.Conv2d(bands, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, bands, H, W) to (N, 2 * expanded, H, W)."""
        few = self.squeeze(features).relu_()
        return torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1).relu_()
