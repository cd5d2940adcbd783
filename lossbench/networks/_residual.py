"""The residual block of super-resolution networks, without normalisation."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """conv 3, ReLU, conv 3; scaled and added to the input: (N, channels, H, W) to the same."""

    def __init__(self, channels: int, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.residual = nn.Sequential(conv3(channels, channels), nn.ReLU(inplace=True), conv3(channels, channels))
        self.residual_scale = residual_scale

    def forward(self, features: Tensor) -> Tensor:
        """Return features + residual_scale * residual(features)."""
        return torch.add(features, self.residual(features), alpha=self.residual_scale)


def conv3(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a convolution of 3 x 3 that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
