"""Blocks that the pan-sharpening networks INNformer and SFINet share: invertible coupling and channel attention.

The coupling follows Dinh et al., "Density estimation using Real NVP", ICLR 2017, the mixing Kingma and Dhariwal,
"Glow", NeurIPS 2018. Both networks run it forwards only.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLAMP = 0.8
"""The logarithm of the scale of a coupling lies within plus and minus this."""
REDUCTION = 4
"""Channels per channel inside channel attention."""


class Mixing(nn.Module):
    """Invertible 1 x 1 convolution, its matrix kept as permutation, triangles and the logarithm of a diagonal.

    The triangles are stored as full matrices, of which the other half is never used: 2 channels ** 2 + channels
    trainable values, as published. The matrix begins as a random rotation.
    """

    permutation: Tensor
    signs: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lower = nn.Parameter(torch.empty(channels, channels))
        self.upper = nn.Parameter(torch.empty(channels, channels))
        self.log_diagonal = nn.Parameter(torch.empty(channels))
        self.register_buffer("permutation", torch.empty(channels, channels))
        self.register_buffer("signs", torch.empty(channels))
        if not self.lower.is_meta:
            self._draw_weights(channels)

    @torch.no_grad()
    def _draw_weights(self, channels: int) -> None:
        rotation = torch.linalg.qr(torch.randn(channels, channels)).Q
        permutation, lower, upper = torch.linalg.lu(rotation)
        diagonal = upper.diagonal()
        self.lower.copy_(lower.tril(-1))
        self.upper.copy_(upper.triu(1))
        self.log_diagonal.copy_(diagonal.abs().log())
        self.permutation.copy_(permutation)
        self.signs.copy_(diagonal.sign())

    def matrix(self) -> Tensor:
        """Return the float32 matrix (channels, channels); the logarithm of its |determinant| is log_diagonal's sum."""
        with torch.autocast(self.lower.device.type, enabled=False):
            lower = self.lower.tril(-1) + torch.eye(len(self.lower), device=self.lower.device)
            upper = self.upper.triu(1) + torch.diag(self.signs * self.log_diagonal.exp())
            return self.permutation @ lower @ upper

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same."""
        return F.conv2d(features, self.matrix()[..., None, None])


class InvertibleBlock(nn.Module):
    """Mixing, then a coupling of the two halves of the channels: (N, 2 * half, H, W) to the same."""

    def __init__(self, half: int, transform: Callable[[int], nn.Module]) -> None:
        """Make the block; `transform(half)` returns a new module from `half` channels to as many."""
        super().__init__()
        self.mixing = Mixing(2 * half)
        self.shift_first = transform(half)
        self.shift_second = transform(half)
        self.scale_second = transform(half)

    def forward(self, features: Tensor) -> Tensor:
        """Return the first half plus F(second), and the second times exp(s) plus G(first), s = 0.8 tanh(H / 2)."""
        first, second = self.mixing(features).chunk(2, dim=1)
        first = first + self.shift_first(second)
        log_scale = CLAMP * (2 * torch.sigmoid(self.scale_second(first)) - 1)
        return torch.cat([first, second * log_scale.exp() + self.shift_second(first)], dim=1)


class ConvolutionUnit(nn.Module):
    """Two convolutions of 3 x 3 around a 1 x 1 shortcut; optionally half the channels between are normalised."""

    def __init__(self, inputs: int, outputs: int, normalised: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.InstanceNorm2d(outputs // 2, affine=True) if normalised else None
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        between = self.first(features)
        if self.norm is not None:
            half, rest = between.split([self.norm.num_features, between.shape[1] - self.norm.num_features], dim=1)
            between = torch.cat([self.norm(half), rest], dim=1)
        between = F.leaky_relu(between, 0.1, inplace=True)
        mapped: Tensor = F.leaky_relu(self.second(between), 0.1) + self.shortcut(features)
        return mapped


class ChannelAttention(nn.Module):
    """Channel attention as the released code has it: adds a constant to each channel instead of rescaling it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.process = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.AdaptiveAvgPool2d(1),
        )
        self.weigh = bottleneck(channels, nn.ReLU(inplace=True))

    def forward(self, features: Tensor) -> Tensor:
        """Return features (N, channels, H, W) + weight * mean, the mean being that of the processed channel."""
        means = self.process(features)
        attended: Tensor = features + self.weigh(means) * means
        return attended


def bottleneck(channels: int, activation: nn.Module) -> nn.Sequential:
    """Return two 1 x 1 convolutions through a quarter of the channels that give weights in (0, 1)."""
    inner = channels // REDUCTION
    return nn.Sequential(nn.Conv2d(channels, inner, 1), activation, nn.Conv2d(inner, channels, 1), nn.Sigmoid())


def refinement(channels: int, bands: int, zero_start: bool) -> nn.Sequential:
    """Return conv 3, channel attention and conv 3 from `channels` to `bands`, the end of both networks.

    With `zero_start` its last weights are zero.
    """
    last = nn.Conv2d(channels, bands, 3, padding=1)
    if zero_start and last.bias is not None and not last.weight.is_meta:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), ChannelAttention(channels), last)


def draw_convolutions(module: nn.Module, gain: float = 1.0) -> None:
    """Draw the weights of the convolutions in `module` from Xavier's normal distribution, times `gain`; biases are 0.

    Does nothing on the meta device.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None and not layer.weight.is_meta:
            nn.init.xavier_normal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)
