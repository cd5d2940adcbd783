"""The residual block of super-resolution networks, without normalisation, and how small a first residual may be."""

from math import inf

import torch
from torch import Tensor, nn

from lossbench.errors import UserError


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


def check_first_residual(factor: float) -> None:
    """Raise UserError unless `factor`, on the first weights of the layer that makes a residual, is 0 or more."""
    if not 0 <= factor < inf:
        raise UserError(f"first_residual: {factor} is no factor of 0 or more; give one")
