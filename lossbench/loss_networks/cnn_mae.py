"""Masked autoencoder made of convolutions: masked cells are painted over, and the encoder, frozen, defines a loss."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._masking import MaskedImageModel, Masking, patches
from lossbench.loss_networks._size import check_multiple

SOURCE = "our design after the words of 'Masked autoencoders as loss' (CCMAE), which gives no architecture"
PUBLISHED: Sizes = {
    "default": {},
    "XS": {"widths": [16, 32, 64, 128], "blocks": [1, 1, 1, 4]},
    "B": {"widths": [48, 96, 192, 384], "blocks": [1, 2, 2, 9]},
}
EPSILON = 1e-6
"""Of every layer normalisation."""


def build(
    widths: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (1, 2, 2, 6),
    decoder_width: int = 128,
    decoder_blocks: int = 2,
    cell: int = 16,
    bands: int = 3,
    mask_ratio: float = 0.75,
    normalised_target: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> CNNMAE:
    """Build the autoencoder with random weights from torch's global generator.

    `widths` and `blocks` are channels and residual blocks of each stage, every stage but the first at half the size of
    the one before; `cell` is the side in pixels of what is masked as one; `mean` and `std` are the statistics of the
    bands in [0, 1] (ImageNet's by default). Raises UserError for settings that do not fit each other.
    """
    if len(widths) != len(blocks) or not widths:
        raise UserError(f"blocks: {len(blocks)} stages, widths has {len(widths)}; give one number a stage in both")
    stride = 2 ** (len(widths) - 1)
    check_multiple("cell", cell, "the encoder's stride", stride)
    encoder = _encoder(bands, widths, blocks)
    decoder = nn.Sequential(
        nn.Conv2d(widths[-1], decoder_width, 1),
        *(Block(decoder_width) for _ in range(decoder_blocks)),
        nn.Conv2d(decoder_width, bands * stride**2, 1),
        nn.PixelShuffle(stride),
    )
    return CNNMAE(encoder, decoder, stride, Masking(cell, bands, mask_ratio, normalised_target, mean, std))


def _encoder(bands: int, widths: Sequence[int], blocks: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage, (before, width) in enumerate(pairwise([bands, *widths])):
        layers += [nn.Conv2d(before, width, 3, stride=1 if stage == 0 else 2, padding=1), ChannelNorm(width)]
        layers += [Block(width) for _ in range(blocks[stage])]
    return nn.Sequential(*layers, ChannelNorm(widths[-1]))


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel; no statistic ties pixels or images together."""

    def __init__(self, width: int) -> None:
        """Make scale and shift of `width` channels."""
        super().__init__(width, EPSILON)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        return super().forward(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A residual block: depthwise 7 x 7, normalisation, and a perceptron four times as wide at each pixel."""

    def __init__(self, width: int) -> None:
        """Make the layers for `width` channels."""
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.pixelwise = nn.Sequential(
            nn.LayerNorm(width, EPSILON), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        # channels last: the linear layers then work on memory as it lies
        change: Tensor = self.pixelwise(self.spatial(image).permute(0, 2, 3, 1))
        return image + change.permute(0, 3, 1, 2)


class CNNMAE(MaskedImageModel):
    """Encoder and decoder without skip connections, so that the code must hold the image."""

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential, stride: int, masking: Masking) -> None:
        """Join both, and a mask token that starts at the mean colour; as part of the input it belongs to neither."""
        super().__init__(masking)
        self.encoder, self.decoder, self.stride = encoder, decoder, stride
        self.mask_token = nn.Parameter(torch.zeros(1, self.bands, 1, 1))

    def encode(self, image: Tensor) -> Tensor:
        """Return the map (N, D, H / stride, W / stride), rounded up, of an image (N, C, H, W) in [0, 1]; no mask."""
        return self._encoded(self.prepared(image, self.stride))

    def encode_visible(self, image: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
        """Encode with the cells where `mask` (N, L) is False replaced by the mask token; (N, D, h, w) as `encode`.

        `count`, the number kept, is of use to networks that leave the others out.
        """
        return self._encoded(self._painted(self.prepared(image, self.stride), mask))

    def predict(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's cells (N, L, cell * cell * bands) and the mask (N, L) that `noise` (N, L) gives."""
        mask = self.mask(seen, noise)
        code = self._encoded(self._painted(self.prepared(seen, self.side), mask))
        return patches(self.decoder(code), self.side), mask

    def _painted(self, image: Tensor, mask: Tensor) -> Tensor:
        return torch.where(self.pixel_mask(mask, *image.shape[-2:]), image, self.mask_token)

    def _encoded(self, image: Tensor) -> Tensor:
        code: Tensor = self.encoder(image.to(self.mask_token.dtype))
        return code
