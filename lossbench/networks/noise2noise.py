"""The U-Net of Noise2Noise, which learns to restore pictures from pairs of corrupted ones.

Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, as in the authors' code:
leaky ReLU, no normalisation, five halvings by maxima, nearest up-sampling, and the input joined to the last level. A
popular port builds some levels out of one and the same block, which has 700,611 weights and is another network.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Lehtinen et al., ICML 2018 (Noise2Noise), U-Net of the authors' code"
PUBLISHED: Sizes = {"RGB": {}}
LEAST_PATCH = 64
"""The coarsest of the six maps is a thirty-second as large, 2 x 2 then."""
MULTIPLE = 32
"""What sides must be multiples of, in pixels: five halvings."""
HALVINGS = 5
SLOPE = 0.1
"""Slope of the leaky ReLU below zero."""
MIDDLE = 0.5
"""Taken off the input and added to the output: the authors' pictures lie in [-0.5, 0.5]."""


class Noise2Noise(nn.Module):
    """(N, bands, H, W) in [0, 1] to the same shape, not clamped; H and W are multiples of 32."""

    multiple = minimum = MULTIPLE
    scale = 1

    def __init__(self, bands: int, width: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.first = _convolution(bands, width)
        self.encoder = nn.ModuleList(_convolution(width, width) for _ in range(HALVINGS))
        self.coarsest = _convolution(width, width)
        wide, narrow = 4 * width // 3, 2 * width // 3
        inputs = [2 * width, *[3 * width] * (HALVINGS - 2)]
        self.decoder = nn.ModuleList(
            nn.Sequential(_convolution(each, 2 * width), _convolution(2 * width, 2 * width)) for each in inputs
        )
        self.decoder.append(nn.Sequential(_convolution(2 * width + bands, wide), _convolution(wide, narrow)))
        self.last = nn.Conv2d(narrow, bands, 3, padding=1)
        self.apply(_draw_weights)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction; raises ValueError when a side is no multiple of 32."""
        height, width = low_quality.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(
                f"Noise2Noise needs multiples of {self.multiple} px, got {height} x {width}; extend the input"
            )
        shifted = low_quality - MIDDLE
        features, skips = self.first(shifted), [shifted]
        for level in self.encoder:
            features = F.max_pool2d(level(features), 2)
            skips.append(features)
        features = self.coarsest(skips.pop())
        for level in self.decoder:
            larger = F.interpolate(features, scale_factor=2, mode="nearest")
            features = level(torch.cat((larger, skips.pop()), dim=1))
        prediction: Tensor = self.last(features) + MIDDLE
        return prediction


def build(bands: int = 3, width: int = 48) -> Noise2Noise:
    """Return the U-Net; `width` channels on the way down, a multiple of 3, twice as many on the way up.

    Initial weights are He's for the leaky ReLU, biases zero. Raises UserError for bands below 1 and another width.
    """
    if bands < 1 or width < 3 or width % 3:
        raise UserError(f"noise2noise: bands {bands}, width {width}; give bands of 1 or more and a multiple of 3")
    return Noise2Noise(bands, width)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True))


def _draw_weights(layer: nn.Module) -> None:
    # nothing to draw on the meta device, where arithmetic imports torch's compiler for seconds
    if isinstance(layer, nn.Conv2d) and layer.bias is not None and not layer.weight.is_meta:
        nn.init.kaiming_normal_(layer.weight, SLOPE)
        nn.init.zeros_(layer.bias)
