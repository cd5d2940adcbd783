"""Masked autoencoder of videos with learned positions in space and time, whose encoder, frozen, defines a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.formats import state_dicts
from lossbench.loss_networks import Sizes, _clips, mae
from lossbench.loss_networks._bands import BAND_MEAN, BAND_STD
from lossbench.loss_networks._masking import MaskedModel, Masking, kept, patches, selected, statistics, unpatched
from lossbench.loss_networks._size import check_multiple, rounded

SOURCE = "Feichtenhofer et al., Masked Autoencoders As Spatiotemporal Learners, NeurIPS 2022"
CLIPS = True
"""What it looks at."""
PUBLISHED: Sizes = {
    "ViT-B/16": {"dimension": 768, "depth": 12, "heads": 12},
    "ViT-L/16": {"dimension": 1024, "depth": 24, "heads": 16},
}


MASKED = ("agnostic", "tube")


def build(
    frames: int = 16,
    image_size: int = 224,
    patch: int = 16,
    tube: int = 2,
    dimension: int = 1024,
    depth: int = 24,
    heads: int = 16,
    decoder_dimension: int = 512,
    decoder_depth: int = 4,
    decoder_heads: int = 16,
    bands: int = 3,
    mask_ratio: float = 0.9,
    normalised_target: bool = True,
    positions: str = "resampled",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    masked: str = "agnostic",
) -> MAEST:
    """Build the autoencoder with random weights from torch's global generator (ViT-L, 2 x 16 x 16 by default).

    `frames` and `image_size`, in pixels, are what the position tables are made for; a token covers `tube` frames of
    `patch` x `patch` pixels. Any other size is taken too, and `positions` says what such a clip is: `resampled`, a
    whole one (tables interpolated: bicubic in space, linear in time), or `window`, the first frames and the top left
    part of one (leading part of the tables). In pre-training `masked` says which cubes are hidden: `agnostic`, any, as
    released, or `tube`, those of the same places in all frames (VideoMAE, Tong et al. 2022). `mean` and `std` are the
    statistics of the bands in [0, 1] (0.45 and 0.225 by default, as in the release). Raises UserError for settings that
    do not fit.
    """
    encoder = mae.Transformer(dimension, depth, heads)
    decoder = mae.Transformer(decoder_dimension, decoder_depth, decoder_heads)
    check_multiple("image_size", image_size, "patch", patch)
    check_multiple("frames", frames, "tube", tube)
    for size in (encoder, decoder):
        if size.dimension % size.heads:
            raise UserError(f"dimension: {size.dimension} is not a multiple of its {size.heads} heads; choose one")
    if positions not in mae.POSITIONS:
        raise UserError(f"positions: unknown '{positions}'; {nearest(positions, mae.POSITIONS)}")
    if masked not in MASKED:
        raise UserError(f"masked: unknown '{masked}'; {nearest(masked, MASKED)}")
    statistics = (BAND_MEAN,) * bands if mean is None else mean, (BAND_STD,) * bands if std is None else std
    masking = Masking(patch, bands, mask_ratio, normalised_target, *statistics)
    return MAEST((frames // tube, image_size // patch), tube, encoder, decoder, positions, masking, masked)


def resampled(table: Tensor, length: int) -> Tensor:
    """Interpolate positions in time (1, T, D) to (1, length, D), linearly between the centres of the steps."""
    if table.shape[1] == length:
        return table
    codes = F.interpolate(table.float().transpose(1, 2), length, mode="linear")
    return codes.transpose(1, 2).to(table.dtype)


def window(table: Tensor, length: int) -> Tensor:
    """Cut the leading part (1, length, D) out of positions in time (1, T, D); raises UserError beyond it."""
    if length > table.shape[1]:
        raise UserError(f"positions: a window of {length} steps exceeds {table.shape[1]}; use 'resampled'")
    return table[:, :length]


IN_TIME = {"resampled": resampled, "window": window}


class Attention(nn.Module):
    """Multi-head self-attention whose query, key and value are apart, as the release stores them."""

    def __init__(self, dimension: int, heads: int) -> None:
        """Make the three projections and the one back."""
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.proj = (nn.Linear(dimension, dimension) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, L, D) to (N, L, D)."""
        projected = (layer(tokens) for layer in (self.q, self.k, self.v))
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in projected)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (N, heads, L, d)
        result: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return result


class Block(mae.Block):
    """A pre-norm transformer block."""

    def __init__(self, dimension: int, heads: int) -> None:
        """Make it as for images, with the other attention."""
        super().__init__(dimension, heads)
        self.attn: nn.Module = Attention(dimension, heads)  # type: ignore[assignment]


class MAEST(MaskedModel):
    """Encoder and decoder; parameters bear the names of the authors' release."""

    decoder_names = mae.RELEASED_DECODER

    def __init__(
        self,
        grid: tuple[int, int],
        tube: int,
        encoder: mae.Transformer,
        decoder: mae.Transformer,
        positions: str,
        masking: Masking,
        masked: str = "agnostic",
    ) -> None:
        """Make the layers, with tables for `grid` = (steps, cells a side), and draw their weights."""
        super().__init__(masking)
        self.tube, self.positions, self.masked = tube, positions, masked
        size = (tube, self.side, self.side)
        self.patch_embed = mae.Embedding(nn.Conv3d(self.bands, encoder.dimension, size, size))
        for prefix, stack in (("", encoder), ("decoder_", decoder)):
            rows = {"spatial": grid[1] ** 2, "temporal": grid[0], "class": 1}
            tables = {f"{prefix}pos_embed_{name}": count for name, count in rows.items()} | {f"{prefix}cls_token": 1}
            for name, count in tables.items():
                self.register_parameter(name, nn.Parameter(torch.zeros(1, count, stack.dimension)))
        self.blocks = nn.ModuleList(Block(encoder.dimension, encoder.heads) for _ in range(encoder.depth))
        self.norm = nn.LayerNorm(encoder.dimension, mae.EPSILON)
        self.decoder_embed = nn.Linear(encoder.dimension, decoder.dimension)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.dimension))
        self.decoder_blocks = nn.ModuleList(Block(decoder.dimension, decoder.heads) for _ in range(decoder.depth))
        self.decoder_norm = nn.LayerNorm(decoder.dimension, mae.EPSILON)
        self.decoder_pred = nn.Linear(decoder.dimension, self.side**2 * self.bands)
        self._draw_weights()

    def _draw_weights(self) -> None:
        if self.mask_token.is_meta:
            # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
            return
        mae.draw_linear(self, self.patch_embed.proj)
        for name, parameter in self.named_parameters():
            # the release leaves the decoder's class token at zero
            if "pos_embed" in name or name in ("cls_token", "mask_token"):
                nn.init.trunc_normal_(parameter, std=0.02)

    def cells(self, frames: int, height: int, width: int) -> int:
        """Return how many tokens L a clip of this size has, after padding in space."""
        return frames // self.tube * math.prod(rounded(size, self.side) // self.side for size in (height, width))

    def encode(self, clip: Tensor) -> Tensor:
        """Return the tokens (N, L, D) after the final norm of a clip (N, T, C, H, W) in [0, 1], frame by frame.

        Within a frame they stand row by row. No cube is masked. The class token takes part in the attention and is
        left out of the result. Raises InputError for an odd number of frames.
        """
        return self._encoded(self._tokens(clip))

    def encode_visible(self, clip: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
        """Encode only the cubes where `mask` (N, L) is True, in their order; `count` is K of (N, K, D)."""
        return self._encoded(selected(self._tokens(clip), mask, count))

    def predict(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's patches (N, L, side * side * bands) and the mask (N, L) that `noise` (N, L) gives.

        The L * (1 - mask_ratio) cubes of smallest noise stay visible; of tubes, those of smallest noise in the first
        frames. Raises ValueError for noise of another shape.
        """
        tokens = self._tokens(seen)
        if noise.shape != tokens.shape[:2]:
            raise ValueError(f"noise: shape {tuple(noise.shape)}, the clip has tokens {tuple(tokens.shape[:2])}")
        mask = self._visible(noise, seen.shape[1] // self.tube)
        decoded = self.decoder_embed(self._encoded(selected(tokens, mask)))
        hidden = self.mask_token.to(decoded.dtype).expand(*mask.shape, -1)
        size = (seen.shape[1] // self.tube, *(rounded(side, self.side) // self.side for side in seen.shape[-2:]))
        filled = hidden.masked_scatter(mask[..., None], decoded) + self._positions("decoder_", *size)
        tokens = self._with_class("decoder_", filled)
        for block in self.decoder_blocks:
            tokens = block(tokens)
        prediction: Tensor = self.decoder_pred(self.decoder_norm(tokens))
        return prediction[:, 1:], mask

    @torch.no_grad()
    def reconstruct(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masked clip, masked cubes in the mean colour, and the filled-in clip, both in [0, 1].

        Of the frames of a token, which predicts one, all are filled in alike. With `normalised_target` a patch's mean
        and deviation come from the true patch, since the network predicts neither.
        """
        prediction, mask = self.predict(seen, noise)
        if self.normalised_target:
            mean, deviation = statistics(self.target(seen))
            prediction = prediction * deviation + mean
        steps, (height, width) = seen.shape[1] // self.tube, seen.shape[-2:]
        sides = rounded(height, self.side), rounded(width, self.side)
        frames = unpatched(prediction.unflatten(1, (steps, -1)).flatten(0, 1), self.side, *sides)
        filled = (frames * self.std + self.mean).clamp(0, 1)[..., :height, :width].to(seen.dtype)
        cells = mask.reshape(len(seen) * steps, 1, -1, sides[1] // self.side)
        shown = cells.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)[..., :height, :width]
        filled, shown = (each.unflatten(0, (-1, steps)).repeat_interleave(self.tube, dim=1) for each in (filled, shown))
        return torch.where(shown, seen, self.mean.to(seen.dtype)), torch.where(shown, seen, filled)

    def _visible(self, noise: Tensor, steps: int) -> Tensor:
        if self.masked == "agnostic":
            return kept(noise, self.mask_ratio)
        return kept(noise[:, : noise.shape[1] // steps], self.mask_ratio).repeat(1, steps)

    def target(self, seen: Tensor) -> Tensor:
        """Return the patches of T / tube of the T frames, evenly spread from the first to the last.

        A token predicts one frame.
        """
        count = seen.shape[1]
        chosen = torch.linspace(0, count - 1, count // self.tube).long()
        frames = self._prepared(seen)[:, chosen]
        target: Tensor = patches(frames.flatten(0, 1), self.side).unflatten(0, frames.shape[:2]).flatten(1, 2)
        return target

    def _prepared(self, clip: Tensor) -> Tensor:
        return self.normalised(_clips.padded(_clips.checked(clip, self.bands, self.tube), self.side))

    def _tokens(self, clip: Tensor) -> Tensor:
        grid: Tensor = self.patch_embed(self._prepared(clip).transpose(1, 2))
        return grid.flatten(2).transpose(1, 2) + self._positions("", *grid.shape[2:])  # (N, L, D)

    def _positions(self, prefix: str, steps: int, height: int, width: int) -> Tensor:
        table = self.get_parameter(f"{prefix}pos_embed_spatial")
        side = math.isqrt(table.shape[1])
        cells = mae.POSITIONS[self.positions](table.transpose(1, 2).unflatten(2, (side, side)), height, width)
        times = IN_TIME[self.positions](self.get_parameter(f"{prefix}pos_embed_temporal"), steps)
        return (times[:, :, None] + cells.flatten(2).transpose(1, 2)[:, None]).flatten(1, 2)

    def _with_class(self, prefix: str, tokens: Tensor) -> Tensor:
        first = self.get_parameter(f"{prefix}cls_token") + self.get_parameter(f"{prefix}pos_embed_class")
        return torch.cat([first.to(tokens.dtype).expand(len(tokens), -1, -1), tokens], dim=1)

    def _encoded(self, tokens: Tensor) -> Tensor:
        tokens = self._with_class("", tokens)
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed[:, 1:]


def import_weights(module: MAEST, path: Path) -> None:
    """Fill `module` from a file of the authors' release: the encoder alone, or encoder and decoder.

    The file holds a dictionary whose key `model` or `model_state` has the weights. Raises UserError naming the file
    when it is missing, damaged, holds more than weights, or does not fit.
    """
    try:
        state = state_dicts.read(path, ("model",))
    except UserError:
        # what is wrong with the file itself is wrong again
        state = state_dicts.read(path, ("model_state",))
    mae.fill_released(module, state, path)
