"""SMOID: U-Net over space and time that enhances clips taken in the dark.

Jiang and Zheng, "Learning to See Moving Objects in the Dark", ICCV 2019. The defaults are the variant of the
masked-autoencoder loss paper, sRGB in and out; the original takes packed Bayer pixels. The authors' code takes one clip
at a time; here a batch of clips is the clips one by one.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Jiang and Zheng, ICCV 2019 (SMOID); sRGB variant, initial weights of the authors' code"
PUBLISHED: Sizes = {"sRGB": {}, "Bayer": {"in_channels": 4, "scale": 2}}
WINDOW = None
"""It restores whole clips."""
LEAST_FRAMES = 2
"""Of a single frame, the outer weights along time read the padding alone."""
LEAST_PATCH = 16
"""The coarsest of the four maps is an eighth as large, 2 x 2 then."""
MULTIPLE = 8
"""What sides must be multiples of, in pixels: three halvings."""
SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""
TRANSPOSED_STD = 0.02
"""Deviation of the initial weights of transposed convolutions, cut off at twice it."""


class SMOID(nn.Module):
    """(N, T, in_channels, H, W) in [0, 1] to (N, T, out_channels, scale * H, scale * W), not clamped.

    Convolutions are of 3 x 3 x 3, over frames too, whose number never changes; halvings are of the pictures alone. H
    and W are multiples of 2**depth. A frame depends on those at most `reach` frames away.
    """

    window = None
    least_frames = LEAST_FRAMES

    def __init__(self, in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.scale = in_channels, out_channels, scale
        self.multiple = self.minimum = 2**depth
        # two convolutions on each way at each level, and two at the bottom
        self.reach = 4 * depth + 2
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(_double(a, b) for a, b in pairwise([in_channels, *widths]))
        self.pool = nn.MaxPool3d((1, 2, 2))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(a, b, (1, 2, 2), stride=(1, 2, 2), bias=False) for a, b in pairwise(widths[::-1])
        )
        self.decoder = nn.ModuleList(_double(2 * b, b) for b in widths[-2::-1])
        self.tail = nn.Conv3d(width, out_channels * scale**2, 1)
        self.apply(_draw_weights)

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Return the prediction; `sigma` is not looked at. Raises ValueError when a side does not fit."""
        height, width = frames.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"SMOID needs multiples of {self.multiple} px, got {height} x {width}; extend the input")
        features, skips = self.encoder[0](frames.transpose(1, 2)), []
        for level in self.encoder[1:]:
            skips.append(features)
            features = level(self.pool(features))
        for up, level in zip(self.up, self.decoder, strict=True):
            features = level(torch.cat((up(features), skips.pop()), dim=1))
        return self._enlarged(self.tail(features).transpose(1, 2))

    def _enlarged(self, maps: Tensor) -> Tensor:
        """Return (N, T, C, scale * H, scale * W) for (N, T, scale * scale * C, H, W): places first, then colours."""
        if self.scale == 1:
            return maps
        places: Tensor = maps.unflatten(2, (self.scale, self.scale, self.out_channels))
        # N, T, down, across, C, H, W
        rows_first: Tensor = places.permute(0, 1, 4, 5, 2, 6, 3)
        return rows_first.flatten(5, 6).flatten(3, 4)


def build(in_channels: int = 3, out_channels: int = 3, scale: int = 1, width: int = 32, depth: int = 3) -> SMOID:
    """Return SMOID with the initial weights of the authors' code.

    `width` is the number of channels at full size, doubled at each of `depth` halvings. The last convolution gives
    out_channels * scale**2 channels, which become a picture `scale` times as large. Initial weights are Glorot's
    uniform ones, those of transposed convolutions normal of deviation 0.02; biases are zero. Raises UserError for a
    count below 1.
    """
    if min(in_channels, out_channels, scale, width, depth) < 1:
        sizes = f"in_channels {in_channels}, out_channels {out_channels}, scale {scale}, width {width}, depth {depth}"
        raise UserError(f"SMOID: {sizes}; give counts of 1 or more")
    return SMOID(in_channels, out_channels, scale, width, depth)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv3d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def _draw_weights(layer: nn.Module) -> None:
    if not isinstance(layer, nn.Conv3d | nn.ConvTranspose3d) or layer.weight.is_meta:
        # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
        return
    if isinstance(layer, nn.ConvTranspose3d):
        nn.init.trunc_normal_(layer.weight, std=TRANSPOSED_STD, a=-2 * TRANSPOSED_STD, b=2 * TRANSPOSED_STD)
    else:
        nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
