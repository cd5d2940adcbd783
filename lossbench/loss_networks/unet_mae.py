"""Masked autoencoder made of a U-Net: masked cells are zero, and the encoder up to the latent defines a loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._masking import MaskedImageModel, Masking, patches
from lossbench.loss_networks._size import check_multiple

SOURCE = "public traces of the authors' code of 'Masked autoencoders as loss' (CCMAE)"
PUBLISHED: Sizes = {"default": {}, "4 bands": {"bands": 4}}
STRIDE = 4
"""Pixels a side for each position of the latent."""
SLOPE, GLOBAL_SLOPE = 0.1, 0.2
"""Of the leaky ReLUs in the convolutions, and in the global branch."""


def build(
    channels: int = 32,
    bands: int = 3,
    cell: int = 16,
    mask_ratio: float = 0.75,
    normalised_target: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> UNetMAE:
    """Build the autoencoder with random weights from torch's global generator.

    `channels` is the width at full size, doubled at each half; the latent has four times as many. `cell`, the side in
    pixels of what is masked as one, and `mask_ratio` are not in the traces: they are those of `cnn_mae`. `mean` and
    `std` are statistics of the bands in [0, 1]; by default 0 and 1, images are taken as they are and masked cells are
    black. Raises UserError for settings that do not fit each other.
    """
    if channels < 2:
        raise UserError(f"channels: {channels}; choose at least 2, the channel attention needs the half of them")
    check_multiple("cell", cell, "the encoder's stride", STRIDE)
    statistics = (0.0,) * bands if mean is None else mean, (1.0,) * bands if std is None else std
    return UNetMAE(channels, Masking(cell, bands, mask_ratio, normalised_target, *statistics))


class Unit(nn.Module):
    """Two 3 x 3 convolutions with leaky ReLUs beside a 1 x 1 convolution; nothing normalises."""

    def __init__(self, before: int, after: int) -> None:
        """Make the layers from `before` to `after` channels."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(after, after, 3, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, after, H, W)."""
        found: Tensor = self.body(image) + self.shortcut(image)
        return found


class ChannelAttention(nn.Module):
    """Adds to each channel a constant: an attention to all channels times the mean of two convolutions."""

    def __init__(self, width: int, reduction: int) -> None:
        """Make the convolutions, and the attention through `width` / `reduction` channels."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.attention = nn.Sequential(
            nn.Conv2d(width, width // reduction, 1), nn.ReLU(), nn.Conv2d(width // reduction, width, 1), nn.Sigmoid()
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        means = self.body(image).mean(dim=(2, 3), keepdim=True)
        found: Tensor = image + self.attention(means) * means
        return found


class Merge(nn.Module):
    """A deeper map, enlarged twofold, joined with the encoder's map of that size; no shortcut but the unit's own."""

    def __init__(self, deeper: int, beside: int, inner: int, reduction: int) -> None:
        """Make the layers for maps of `deeper` and `beside` channels, through `inner` channels to `beside`."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(deeper + beside, inner, 1),
            ChannelAttention(inner, reduction),
            nn.Conv2d(inner, beside, 3, padding=1),
            Unit(beside, beside),
        )

    def forward(self, deeper: Tensor, beside: Tensor) -> Tensor:
        """Map (N, D, H / 2, W / 2) and (N, C, H, W) to (N, C, H, W)."""
        enlarged = F.interpolate(deeper, scale_factor=2, mode="bilinear", align_corners=False)
        found: Tensor = self.body(torch.cat([enlarged, beside], dim=1))
        return found


class Encoder(nn.Module):
    """Three units, each but the first at half the size and twice the channels of the one before."""

    def __init__(self, bands: int, width: int) -> None:
        """Make the stages."""
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(entry, Unit(factor * width, factor * width))
            for factor, entry in (
                (1, nn.Conv2d(bands, width, 3, padding=1)),
                (2, nn.Conv2d(width, 2 * width, 2, stride=2)),
                (4, nn.Conv2d(2 * width, 4 * width, 2, stride=2)),
            )
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps (N, C, H, W), (N, 2 C, H / 2, W / 2) and the latent (N, 4 C, H / 4, W / 4)."""
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps


class Decoder(nn.Module):
    """A global branch on the latent, a unit on both, two merges, and a convolution to the bands."""

    def __init__(self, bands: int, width: int) -> None:
        """Make the layers."""
        super().__init__()
        self.context = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(4 * width, 4 * width, 1),
            nn.LeakyReLU(GLOBAL_SLOPE),
            nn.Conv2d(4 * width, 4 * width, 1),
        )
        self.bottom = Unit(8 * width, 4 * width)
        self.merges = nn.ModuleList(
            [Merge(4 * width, 2 * width, 4 * width, reduction=4), Merge(2 * width, width, width, reduction=2)]
        )
        self.last = nn.Conv2d(width, bands, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map the encoder's maps to (N, bands, H, W)."""
        full, half, latent = maps
        features = self.bottom(torch.cat([latent, self.context(latent).expand_as(latent)], dim=1))
        for merge, beside in zip(self.merges, (half, full), strict=True):
            features = merge(features, beside)
        image: Tensor = self.last(features)
        return image


class UNetMAE(MaskedImageModel):
    """A U-Net that fills in masked cells, pre-trained with mean absolute error as in the traces."""

    def __init__(self, channels: int, masking: Masking) -> None:
        """Make encoder, up to the latent, and decoder."""
        super().__init__(masking)
        self.encoder, self.decoder = Encoder(self.bands, channels), Decoder(self.bands, channels)

    def encode(self, image: Tensor) -> Tensor:
        """Return the latent (N, 4 * channels, H / 4, W / 4), rounded up, of an image (N, C, H, W) in [0, 1]."""
        return self._maps(self.prepared(image, STRIDE))[-1]

    def encode_visible(self, image: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
        """Encode with zero where `mask` (N, L) is False; the latent as of `encode`.

        `count`, the number kept, is of use to networks that leave the others out.
        """
        return self._maps(self._hidden(self.prepared(image, STRIDE), mask))[-1]

    def predict(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's cells (N, L, cell * cell * bands) and the mask (N, L) that `noise` (N, L) gives."""
        mask = self.mask(seen, noise)
        maps = self._maps(self._hidden(self.prepared(seen, self.side), mask))
        return patches(self.decoder(maps), self.side), mask

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the absolute difference."""
        return (prediction - target).abs()

    def _hidden(self, image: Tensor, mask: Tensor) -> Tensor:
        return image * self.pixel_mask(mask, *image.shape[-2:])

    def _maps(self, image: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.encoder(image.to(self.decoder.last.weight.dtype))
        return maps
