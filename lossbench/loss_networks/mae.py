"""Masked autoencoder of images: a vision transformer whose encoder, frozen, defines a loss."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest, quoted
from lossbench.formats import state_dicts
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._masking import MaskedImageModel, Masking, selected
from lossbench.loss_networks._size import check_multiple, rounded
from lossbench.storage import fill

SOURCE = "He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022"
PUBLISHED: Sizes = {
    "ViT-B/16": {"dimension": 768, "depth": 12, "heads": 12},
    "ViT-L/16": {"dimension": 1024, "depth": 24, "heads": 16},
    "ViT-H/14": {"dimension": 1280, "depth": 32, "heads": 16, "patch": 14},
}
EPSILON = 1e-6
"""Of every layer normalisation."""
RELEASED_DECODER = ("decoder_", "mask_token")
"""How the names of the decoder's parameters begin."""


class Transformer(NamedTuple):
    """Size of a stack of transformer blocks."""

    dimension: int
    depth: int
    heads: int


def build(
    image_size: int = 224,
    patch: int = 16,
    dimension: int = 768,
    depth: int = 12,
    heads: int = 12,
    decoder_dimension: int = 512,
    decoder_depth: int = 8,
    decoder_heads: int = 16,
    bands: int = 3,
    mask_ratio: float = 0.75,
    normalised_target: bool = True,
    positions: str = "resampled",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> MAE:
    """Build the autoencoder with random weights from torch's global generator (ViT-B/16 by default).

    `image_size` is the size in pixels that the position table is made for; any other size is taken too. `positions`
    says what such an image is: `resampled`, a small whole image (table resampled by bicubic interpolation), or
    `window`, the top left part of an image of `image_size` (leading part of the table). `mean` and `std` are the
    statistics of the bands in [0, 1] (ImageNet's by default). Raises UserError for settings that do not fit.
    """
    encoder = Transformer(dimension, depth, heads)
    decoder = Transformer(decoder_dimension, decoder_depth, decoder_heads)
    check_multiple("image_size", image_size, "patch", patch)
    for size in (encoder, decoder):
        if size.dimension % size.heads or size.dimension % 4:
            raise UserError(f"dimension: {size.dimension} is not a multiple of 4 and of its {size.heads} heads")
    if positions not in POSITIONS:
        raise UserError(f"positions: unknown '{positions}'; {nearest(positions, POSITIONS)}")
    masking = Masking(patch, bands, mask_ratio, normalised_target, mean, std)
    return MAE(image_size // patch, encoder, decoder, positions, masking)


def position_table(grid: int, dimension: int) -> Tensor:
    """Return sine-cosine positions (1, 1 + grid * grid, dimension), the class token's row zero.

    The first half of the channels codes the column, the second the row; each half holds all sines, then all cosines,
    of the index times 10000 ** (-i / (dimension / 4)).
    """
    angles = np.arange(grid)[:, None] * 10000.0 ** -(np.arange(dimension // 4) / (dimension / 4))
    codes = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)  # (grid, dimension / 2)
    shape = (grid, grid, dimension // 2)
    columns, rows = np.broadcast_to(codes[None], shape), np.broadcast_to(codes[:, None], shape)
    table = np.concatenate([columns, rows], axis=2).reshape(grid * grid, dimension)
    return torch.from_numpy(np.pad(table, ((1, 0), (0, 0))).astype(np.float32))[None]


def resampled(table: Tensor, height: int, width: int) -> Tensor:
    """Resample the grid (1, D, G, G) to (1, D, height, width) by antialiased bicubic interpolation, as timm does."""
    if table.shape[-2:] == (height, width):
        return table
    return F.interpolate(table.float(), (height, width), mode="bicubic", antialias=True).to(table.dtype)


def window(table: Tensor, height: int, width: int) -> Tensor:
    """Cut the leading part (1, D, height, width) out of the grid (1, D, G, G); raises UserError beyond it."""
    if max(height, width) > table.shape[-1]:
        side = table.shape[-1]
        raise UserError(f"positions: a window of {height} x {width} patches exceeds {side} x {side}; use 'resampled'")
    return table[..., :height, :width]


POSITIONS: dict[str, Callable[[Tensor, int, int], Tensor]] = {"resampled": resampled, "window": window}


def draw_linear(network: nn.Module, patch_map: nn.Conv2d | nn.Conv3d) -> None:
    """Draw the linear layers of `network` and its patch map, which counts as linear (He et al. 2022)."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(patch_map.weight.data.flatten(1))


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dimension: int, heads: int) -> None:
        """Make the joint projection to query, key and value, and the one back."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dimension, 3 * dimension)
        self.proj = nn.Linear(dimension, dimension)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, L, D) to (N, L, D)."""
        query, key, value = (
            self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (N, heads, L, d)
        if query.dtype is torch.bfloat16 and query.device.type == "cpu":
            # the fused kernel is slower than this in bfloat16 on CPUs
            weights = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(dim=3)
            mixed = weights.to(value.dtype) @ value
        else:
            mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, dimension: int, heads: int) -> None:
        """Make attention and a perceptron four times as wide, each behind its normalisation."""
        super().__init__()
        self.norm1 = nn.LayerNorm(dimension, EPSILON)
        self.attn = Attention(dimension, heads)
        self.norm2 = nn.LayerNorm(dimension, EPSILON)
        wide = 4 * dimension
        layers = OrderedDict(fc1=nn.Linear(dimension, wide), gelu=nn.GELU(), fc2=nn.Linear(wide, dimension))
        self.mlp = nn.Sequential(layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, L, D) to (N, L, D)."""
        tokens = tokens + self.attn(self.norm1(tokens))
        change: Tensor = self.mlp(self.norm2(tokens))
        return tokens + change


class Embedding(nn.Module):
    """Patches or cubes to tokens, one linear map for all."""

    def __init__(self, proj: nn.Conv2d | nn.Conv3d) -> None:
        """Take the map, a convolution whose stride is its size."""
        super().__init__()
        self.proj = proj

    def forward(self, seen: Tensor) -> Tensor:
        """Map (N, C, H, W) to the grid (N, D, H / side, W / side), (N, C, T, H, W) to (N, D, T / tube, ...)."""
        grid: Tensor = self.proj(seen.to(self.proj.weight.dtype))
        return grid


class MAE(MaskedImageModel):
    """Encoder and decoder; parameters bear the names of the authors' release."""

    decoder_names = RELEASED_DECODER

    def __init__(self, grid: int, encoder: Transformer, decoder: Transformer, positions: str, masking: Masking) -> None:
        """Make the layers, with tables for `grid` cells a side, and draw their weights."""
        super().__init__(masking)
        self.positions = positions
        self.patch_embed = Embedding(nn.Conv2d(self.bands, encoder.dimension, self.side, self.side))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, encoder.dimension))
        self.pos_embed = nn.Parameter(position_table(grid, encoder.dimension), requires_grad=False)
        self.blocks = nn.ModuleList(Block(encoder.dimension, encoder.heads) for _ in range(encoder.depth))
        self.norm = nn.LayerNorm(encoder.dimension, EPSILON)
        self.decoder_embed = nn.Linear(encoder.dimension, decoder.dimension)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.dimension))
        self.decoder_pos_embed = nn.Parameter(position_table(grid, decoder.dimension), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(Block(decoder.dimension, decoder.heads) for _ in range(decoder.depth))
        self.decoder_norm = nn.LayerNorm(decoder.dimension, EPSILON)
        self.decoder_pred = nn.Linear(decoder.dimension, self.side**2 * self.bands)
        self._draw_weights()

    def _draw_weights(self) -> None:
        if self.cls_token.is_meta:
            # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
            return
        draw_linear(self, self.patch_embed.proj)
        nn.init.normal_(self.cls_token, std=0.02)
        nn.init.normal_(self.mask_token, std=0.02)

    def encode(
        self, image: Tensor, *, class_token: bool = False, layer: int | None = None, norm: bool = True
    ) -> Tensor:
        """Return the tokens (N, L, D) of an image (N, C, H, W) in [0, 1], row by row; no patch is masked.

        They come after the final norm, or before it without `norm`. The class token takes part in the attention; with
        `class_token` it is put first: (N, 1 + L, D). `layer` is the number of blocks run, all when None; nothing beyond
        is computed. Raises UserError for a layer that the encoder has not.
        """
        self.check_layer(layer)
        return self._encoded(self._tokens(image), layer, norm)[:, 0 if class_token else 1 :]

    def check_layer(self, layer: int | None) -> None:
        """Raise UserError unless `layer` is None or the number, from 1, of a block of the encoder."""
        depth = len(self.blocks)
        if layer is not None and (isinstance(layer, bool) or not isinstance(layer, int) or not 1 <= layer <= depth):
            raise UserError(
                f"layer: {quoted(layer)} is not a block of the encoder; choose a number from 1 to {depth}, or none"
            )

    def encode_visible(self, image: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
        """Encode only the patches where `mask` (N, L) is True, in their order; `count` is K of (N, K, D)."""
        return self._encoded(selected(self._tokens(image), mask, count))[:, 1:]

    def predict(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's patches (N, L, side * side * bands) and the mask (N, L) that `noise` (N, L) gives."""
        mask = self.mask(seen, noise)
        decoded = self.decoder_embed(self._encoded(selected(self._tokens(seen), mask)))
        masked = self.mask_token.to(decoded.dtype).expand(*mask.shape, -1)
        filled = masked.masked_scatter(mask[..., None], decoded[:, 1:])
        height, width = (rounded(size, self.side) // self.side for size in seen.shape[-2:])
        filled = filled + self._positions(self.decoder_pos_embed, height, width)
        tokens = torch.cat([decoded[:, :1] + self.decoder_pos_embed[:, :1], filled], dim=1)
        for block in self.decoder_blocks:
            tokens = block(tokens)
        prediction: Tensor = self.decoder_pred(self.decoder_norm(tokens))
        return prediction[:, 1:], mask

    def _tokens(self, image: Tensor) -> Tensor:
        grid: Tensor = self.patch_embed(self.prepared(image, self.side))
        return grid.flatten(2).transpose(1, 2) + self._positions(self.pos_embed, *grid.shape[-2:])  # (N, L, D)

    def _positions(self, table: Tensor, height: int, width: int) -> Tensor:
        side = math.isqrt(table.shape[1] - 1)
        grid = table[:, 1:].transpose(1, 2).reshape(1, -1, side, side)
        return POSITIONS[self.positions](grid, height, width).flatten(2).transpose(1, 2)

    def _encoded(self, tokens: Tensor, layer: int | None = None, norm: bool = True) -> Tensor:
        first = (self.cls_token + self.pos_embed[:, :1]).to(tokens.dtype).expand(len(tokens), -1, -1)
        tokens = torch.cat([first, tokens], dim=1)
        for block in islice(self.blocks, layer):
            tokens = block(tokens)
        return self.norm(tokens) if norm else tokens


def import_weights(module: MAE, path: Path) -> None:
    """Fill `module` from a file of the authors' release: the encoder alone, or encoder and decoder.

    The file holds a dictionary whose key `model` has the weights. Raises UserError as `ImportingPlugin`.
    """
    fill_released(module, state_dicts.read(path, ("model",)), path)


def fill_released(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Fill `module` with `state`, read from `path`: the whole, or the encoder where it holds nothing of the decoder."""
    decoder = any(name.startswith(RELEASED_DECODER) for name in state)
    encoder = [name for name in module.state_dict() if not name.startswith(RELEASED_DECODER)]
    fill(module, state, path, None if decoder else encoder)
