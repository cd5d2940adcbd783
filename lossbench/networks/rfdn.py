"""RFDN: residual feature distillation network for super-resolution, as released with spatial attention.

Liu et al., "Residual Feature Distillation Network for Lightweight Image Super-Resolution", ECCV workshops 2020. The
released network (AIM 2020 challenge: 50 channels, 4 blocks, enhanced spatial attention) is not the one of that paper's
benchmark table (48 channels, 6 blocks, contrast-aware channel attention), which was never released.

The released weights work on pixels of 0 to 255, all networks here on 0 to 1, and the attention's sigmoid forbids to
rescale weights: with renamed keys they give the published pictures as `network(255 * image) / 255`.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = (
    "Liu et al., ECCV workshops 2020 (RFDN); released network of 50 channels and 4 blocks, whose released weights are "
    "for pixels of 0 to 255, not 0 to 1"
)
PUBLISHED: Sizes = {"x2": {"scale": 2}, "x3": {"scale": 3}, "x4": {"scale": 4}}
LEAST_PATCH = 27
"""From here the map of the spatial attention is 3 x 3: (27 - 3) / 2 + 1 = 13 px after the stride, (13 - 7) / 3 + 1 = 3
after the pooling. Up to 20 px it is 1 x 1, and 8 of the 9 places of its three convolutions never get a gradient; of
2 x 2 each outer place is read by one pixel, which a ReLU between may cut off."""
SLOPE = 0.05
"""Slope of the leaky ReLU below zero."""
RELEASED = "fea_conv.weight"
"""The first key of the released file."""
MINIMUM = 15
"""Least side of the input in pixels: the 7-pixel pooling follows an unpadded 3-pixel convolution of stride 2."""


class SpatialAttention(nn.Module):
    """Enhanced spatial attention: multiplies (N, channels, H, W) by a mask in (0, 1) of the same shape."""

    def __init__(self, channels: int, attention_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, attention_channels, 1)
        self.shrink = nn.Conv2d(attention_channels, attention_channels, 3, stride=2)
        self.coarse = nn.Sequential(
            nn.MaxPool2d(7, stride=3),
            nn.Conv2d(attention_channels, attention_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(attention_channels, attention_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(attention_channels, attention_channels, 3, padding=1),
        )
        self.fine = nn.Conv2d(attention_channels, attention_channels, 1)
        self.expand = nn.Conv2d(attention_channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the attended features; both sides must have 15 pixels or more."""
        reduced = self.reduce(features)
        coarse = self.coarse(self.shrink(reduced))
        coarse = F.interpolate(coarse, size=features.shape[-2:], mode="bilinear", align_corners=False)
        return features * torch.sigmoid(self.expand(coarse + self.fine(reduced)))


class DistillationBlock(nn.Module):
    """Residual feature distillation block: (N, channels, H, W) to the same; no residual from input to output."""

    def __init__(self, channels: int, attention_channels: int) -> None:
        super().__init__()
        # half the channels are kept aside at each step; the released code ignores its own rate of a quarter
        distilled = channels // 2
        self.distil = nn.ModuleList(nn.Conv2d(channels, distilled, 1) for _ in range(3))
        self.refine = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(3))
        self.last = nn.Conv2d(channels, distilled, 3, padding=1)
        self.fuse = nn.Conv2d(4 * distilled, channels, 1)
        self.attention = SpatialAttention(channels, attention_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return the fused and attended features."""
        kept: list[Tensor] = []
        for distil, refine in zip(self.distil, self.refine, strict=True):
            kept.append(_activate(distil(features)))
            features = _activate(refine(features) + features)
        kept.append(_activate(self.last(features)))
        attended: Tensor = self.attention(self.fuse(torch.cat(kept, dim=1)))
        return attended


class RFDN(nn.Module):
    """(N, bands, H, W) in [0, 1] with H, W >= 15 to (N, bands, scale * H, scale * W), not clamped."""

    multiple = 1
    minimum = MINIMUM

    def __init__(self, scale: int, channels: int, blocks: int, attention_channels: int, bands: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.scale = scale
        self.head = nn.Conv2d(bands, channels, 3, padding=1)
        self.blocks = nn.ModuleList(DistillationBlock(channels, attention_channels) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * channels, channels, 1)
        self.merge = nn.Conv2d(channels, channels, 3, padding=1)
        self.upsampler = nn.Sequential(nn.Conv2d(channels, bands * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights as torch does; raises UserError for the released ones, which are for other pixels."""
        if RELEASED in (key.removeprefix("module.") for key in state_dict):
            raise UserError(
                "these are the weights of RFDN's release: they work on pixels of 0 to 255, this network on 0 to 1, and "
                "their keys differ; rename these, and call the network as network(255 * image) / 255"
            )
        return super().load_state_dict(state_dict, strict, assign)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction; raises ValueError when a side is below 15 pixels."""
        height, width = low_quality.shape[-2:]
        if min(height, width) < MINIMUM:
            raise ValueError(f"RFDN needs {MINIMUM} x {MINIMUM} px or more, got {height} x {width}; extend the input")
        shallow = self.head(low_quality)
        features, outputs = shallow, []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        fused = _activate(self.fuse(torch.cat(outputs, dim=1)))
        prediction: Tensor = self.upsampler(self.merge(fused) + shallow)
        return prediction


def build(
    scale: int = 4, channels: int = 50, blocks: int = 4, attention_channels: int | None = None, bands: int = 3
) -> RFDN:
    """Return RFDN with torch's default initial weights.

    `attention_channels` is the inner width of the spatial attention, a quarter of `channels` unless given. The
    released code fixes the scale at 4; other scales change the last convolution only. Raises UserError for a count
    that leaves a layer without channels.
    """
    inner = channels // 4 if attention_channels is None else attention_channels
    if min(scale, blocks, bands) < 1 or channels < 2 or inner < 1:
        sizes = f"scale {scale}, channels {channels}, blocks {blocks}, attention_channels {inner}, bands {bands}"
        raise UserError(f"RFDN: {sizes} leave a layer empty; raise them (channels 4 or more, the rest 1 or more)")
    return RFDN(scale, channels, blocks, inner, bands)


def _activate(features: Tensor) -> Tensor:
    return F.leaky_relu(features, SLOPE, inplace=True)
