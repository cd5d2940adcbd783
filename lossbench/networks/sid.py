"""SID: U-Net that enhances pictures taken in the dark.

Chen et al., "Learning to See in the Dark", CVPR 2018. The defaults are the variant of Table 1 of "Unlocking Masked
Autoencoders as Loss Function for Image and Video Restoration": sRGB in and out, transposed convolutions with bias. The
original takes packed Bayer pixels (black level off, times the exposure ratio, clipped to 1) and has no such bias.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Chen et al., CVPR 2018 (SID); sRGB variant of the masked-autoencoder loss paper"
PUBLISHED: Sizes = {
    "sRGB": {},
    "Bayer": {"in_channels": 4, "out_channels": 3, "scale": 2, "transposed_bias": False},
}
LEAST_PATCH = 32
"""The coarsest of the five maps is a sixteenth as large, 2 x 2 then."""
MULTIPLE = 16
"""What sides must be multiples of, in pixels: four halvings."""
LEVELS = 5
SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""


class SID(nn.Module):
    """(N, in_channels, H, W) in [0, 1] to (N, out_channels, scale * H, scale * W), not clamped.

    H and W are multiples of 16, so every transposed convolution meets its skip at the same size; the variants that
    take other sizes resize there, which does nothing at multiples of 16.
    """

    multiple = minimum = MULTIPLE

    def __init__(self, in_channels: int, out_channels: int, scale: int, width: int, transposed_bias: bool) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.scale = in_channels, out_channels, scale
        widths = [width * 2**level for level in range(LEVELS)]
        self.encoder = nn.ModuleList(_double(a, b) for a, b in pairwise([in_channels, *widths]))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, stride=2, bias=transposed_bias) for a, b in pairwise(widths[::-1])
        )
        self.decoder = nn.ModuleList(_double(2 * b, b) for b in widths[-2::-1])
        self.tail = nn.Sequential(nn.Conv2d(width, out_channels * scale**2, 1), nn.PixelShuffle(scale))

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction; raises ValueError when a side is no multiple of 16."""
        height, width = low_quality.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"SID needs multiples of {self.multiple} px, got {height} x {width}; extend the input")
        features, skips = self.encoder[0](low_quality), []
        for level in self.encoder[1:]:
            skips.append(features)
            features = level(self.pool(features))
        for up, level in zip(self.up, self.decoder, strict=True):
            features = level(torch.cat((up(features), skips.pop()), dim=1))
        prediction: Tensor = self.tail(features)
        return prediction


def build(
    in_channels: int = 3, out_channels: int = 3, scale: int = 1, width: int = 32, transposed_bias: bool = True
) -> SID:
    """Return SID with torch's default initial weights.

    `width` is the number of channels at full size, doubled at each of four halvings. The last convolution gives
    out_channels * scale**2 channels, which become a picture `scale` times as large. `transposed_bias` is the bias of
    the transposed convolutions. Raises UserError for a count below 1.
    """
    if min(in_channels, out_channels, scale, width) < 1:
        sizes = f"in_channels {in_channels}, out_channels {out_channels}, scale {scale}, width {width}"
        raise UserError(f"SID: {sizes}; give counts of 1 or more")
    return SID(in_channels, out_channels, scale, width, transposed_bias)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
