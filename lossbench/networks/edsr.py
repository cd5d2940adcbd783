"""EDSR: enhanced deep residual network for super-resolution.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR workshops 2017. The defaults are
the authors' "baseline" (64 channels, 16 blocks), which the scores of Table 3 of "Unlocking Masked Autoencoders as Loss
Function for Image and Video Restoration" fit best.

The authors' code multiplies pixels by 255. All layers between are positively homogeneous, so their weights give the
same function here, on [0, 1], with `mean_shift` and every bias divided by 255.
"""

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes
from lossbench.networks._residual import ResidualBlock, conv3

SOURCE = "Lim et al., CVPR workshops 2017 (EDSR); baseline of 64 channels and 16 blocks"
PUBLISHED: Sizes = {
    "x2": {"scale": 2},
    "x3": {"scale": 3},
    "x4": {"scale": 4},
    "full x2": {"scale": 2, "channels": 256, "blocks": 32, "residual_scale": 0.1},
    "full x3": {"scale": 3, "channels": 256, "blocks": 32, "residual_scale": 0.1},
    "full x4": {"scale": 4, "channels": 256, "blocks": 32, "residual_scale": 0.1},
}
LEAST_PATCH = 2
"""All convolutions are at the size of the input or larger."""
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean red, green and blue of the DIV2K training pictures, in [0, 1]."""
SHUFFLES = {2: (2,), 3: (3,), 4: (2, 2)}
"""Pixel shuffles that make up each scale."""


class EDSR(nn.Module):
    """(N, bands, H, W) in [0, 1] to (N, bands, scale * H, scale * W), not clamped."""

    mean: Tensor | None
    multiple = 1
    minimum = 1

    def __init__(
        self, scale: int, channels: int, blocks: int, residual_scale: float, bands: int, mean: tuple[float, ...] | None
    ) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.scale = scale
        self.register_buffer("mean", None if mean is None else torch.tensor(mean).view(1, bands, 1, 1))
        self.head = conv3(bands, channels)
        self.body = nn.Sequential(
            *(ResidualBlock(channels, residual_scale) for _ in range(blocks)), conv3(channels, channels)
        )
        self.upsampler = nn.Sequential()
        for factor in SHUFFLES[scale]:
            self.upsampler.extend([conv3(channels, channels * factor**2), nn.PixelShuffle(factor)])
        self.tail = conv3(channels, bands)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction for `low_quality` of any height and width."""
        features = self.head(low_quality if self.mean is None else low_quality - self.mean)
        features = features + self.body(features)
        prediction: Tensor = self.tail(self.upsampler(features))
        return prediction if self.mean is None else prediction + self.mean


def build(
    scale: int = 4,
    channels: int = 64,
    blocks: int = 16,
    residual_scale: float = 1.0,
    bands: int = 3,
    mean_shift: bool = False,
) -> EDSR:
    """Return EDSR with torch's default initial weights, as published.

    `mean_shift` subtracts the DIV2K mean from the input and adds it to the output (fixed, not trained), as EDSR's
    authors do. The default is without: plain [0, 1] in and out, as public traces of the code of the
    masked-autoencoder loss paper have it. Raises UserError for a scale other than 2, 3, 4, for a width below 1 and
    for a mean shift of anything but RGB.
    """
    if scale not in SHUFFLES:
        raise UserError(f"scale: EDSR has no x{scale}; give 2, 3 or 4")
    if min(channels, bands) < 1 or blocks < 0:
        raise UserError(f"EDSR: channels {channels}, blocks {blocks}, bands {bands}; give counts of 1 or more")
    if mean_shift and bands != len(DIV2K_MEAN):
        raise UserError(f"mean_shift: the DIV2K mean has 3 bands, the pictures {bands}; set mean_shift to false")
    return EDSR(scale, channels, blocks, residual_scale, bands, DIV2K_MEAN if mean_shift else None)
