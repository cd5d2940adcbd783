"""VideoMAE's encoder, by the package transformers: frozen, it defines a loss of video clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.formats import state_dicts
from lossbench.loss_networks import Sizes, _clips
from lossbench.loss_networks._bands import MEAN, STD, Normalising, check_statistics
from lossbench.loss_networks._size import check_multiple, rounded
from lossbench.storage import fill

VERSIONS_OF = ("transformers",)
SOURCE = "Tong et al., VideoMAE, NeurIPS 2022 (transformers, MCG-NJU/videomae-base)"
CLIPS = True
"""What it looks at."""
PRETRAINS = False
"""The decoder is not here: a video autoencoder is trained as `mae_st`."""
PUBLISHED: Sizes = {
    "ViT-B/16": {},
    "ViT-L/16": {"dimension": 1024, "depth": 24, "heads": 16},
}
PARAMETERS = {"ViT-B/16": {"encoder": 86_227_200}, "ViT-L/16": {"encoder": 303_860_736}}
"""Of the published sizes; building them to count would import transformers, which takes ten seconds."""

PREFIX = "videomae."
"""Of the encoder in a file that has the decoder too."""
DECODER = ("decoder.", "encoder_to_decoder.", "mask_token", "position_embeddings")
OLD_NAMES = {"q_bias": "query.bias", "v_bias": "value.bias"}


def build(
    frames: int = 16,
    image_size: int = 224,
    patch: int = 16,
    tube: int = 2,
    dimension: int = 768,
    depth: int = 12,
    heads: int = 12,
    bands: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> VideoMAE:
    """Build the encoder with random weights from torch's global generator (ViT-B, 2 x 16 x 16 by default).

    `frames` and `image_size`, in pixels, are what the positions are made for: the largest clip that it takes, of which
    a smaller one is the first frames and the top left part. A token covers `tube` frames of `patch` x `patch` pixels.
    `mean` and `std` are the statistics of the bands in [0, 1] (ImageNet's by default, for three bands). Raises
    UserError for settings that do not fit, and without the package transformers.
    """
    check_multiple("image_size", image_size, "patch", patch)
    check_multiple("frames", frames, "tube", tube)
    if dimension % heads:
        raise UserError(f"dimension: {dimension} is not a multiple of its {heads} heads; choose one that is")
    statistics = (MEAN if mean is None else mean, STD if std is None else std)
    check_statistics(bands, *statistics)
    size = {"hidden_size": dimension, "num_hidden_layers": depth, "num_attention_heads": heads}
    model = _model(**size, intermediate_size=4 * dimension, num_channels=bands, patch_size=patch, tubelet_size=tube)
    table = position_table(frames // tube, image_size // patch, dimension)
    return VideoMAE(model, table, tube, patch, bands, *statistics)


def _model(**settings: Any) -> nn.Module:
    transformers = imported("transformers", "loss network 'videomae'")
    # a table of one token, since the library takes seconds to make its own; mean pooling would drop the final norm
    single = {"image_size": settings["patch_size"], "num_frames": settings["tubelet_size"], "use_mean_pooling": False}
    model: nn.Module = transformers.VideoMAEModel(transformers.VideoMAEConfig(**settings, **single))
    return model


def position_table(steps: int, side: int, dimension: int) -> Tensor:
    """Return VideoMAE's fixed positions (steps, side, side, dimension).

    They code the index of a token, counted step by step and row by row, over 10000 ** (2 * i / dimension): its sine in
    channel 2 * i, its cosine in channel 2 * i + 1.
    """
    channel = np.arange(dimension)
    angles = np.arange(steps * side * side)[:, None] / 10000.0 ** (2 * (channel // 2) / dimension)
    table = np.where(channel % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
    return torch.from_numpy(table.reshape(steps, side, side, dimension))


class VideoMAE(Normalising):
    """The encoder for clips of any size within its position table."""

    positions: Tensor

    def __init__(self, model: nn.Module, positions: Tensor, tube: int, side: int, *statistics: Any) -> None:
        """Wrap a VideoMAEModel; `positions` (T, H, W, D) is the table in tokens, `statistics` go to Normalising."""
        super().__init__(*statistics)
        self.model, self.tube, self.side = model, tube, side
        self.register_buffer("positions", positions, persistent=False)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """List the parameters."""
        return list(self.parameters())

    def cells(self, frames: int, height: int, width: int) -> int:
        """Return how many tokens L a clip of this size has, after padding in space."""
        return frames // self.tube * rounded(height, self.side) * rounded(width, self.side) // self.side**2

    def encode(self, clip: Tensor) -> Tensor:
        """Return the tokens (N, L, D) after the final norm of a clip (N, T, C, H, W) in [0, 1], frame by frame.

        Within a frame they stand row by row. No cube is masked. Raises InputError for an odd number of frames and
        UserError for a clip larger than the position table.
        """
        clip = _clips.padded(_clips.checked(clip, self.bands, self.tube), self.side)
        model: Any = self.model
        cubes = model.embeddings.patch_embeddings.projection
        grid = cubes(self.normalised(clip).transpose(1, 2).to(cubes.weight.dtype))
        tokens = (grid + self._window(*grid.shape[2:]).to(grid.dtype)).flatten(2).transpose(1, 2)
        normed: Tensor = model.layernorm(model.encoder(tokens).last_hidden_state)
        return normed

    def _window(self, steps: int, height: int, width: int) -> Tensor:
        # cropped: interpolation would mix codes that change fast along a row
        most = tuple(self.positions.shape[:3])
        if steps > most[0] or height > most[1] or width > most[2]:
            frames, side = most[0] * self.tube, most[1] * self.side
            raise UserError(
                f"clip: {steps * self.tube} frames of {height * self.side} x {width * self.side} pixels exceed the "
                f"{frames} of {side} x {side} that VideoMAE has positions for; choose shorter or smaller clips"
            )
        return self.positions[:steps, :height, :width].permute(3, 0, 1, 2)


def import_weights(module: VideoMAE, path: Path) -> None:
    """Fill `module` from a file of transformers (.safetensors, or .bin and .pth): with or without the decoder.

    The biases of query and value may have the names of older files, q_bias and v_bias. Raises UserError naming the
    file when it is missing, damaged, holds more than weights, or does not fit.
    """
    state = state_dicts.read(path)
    if any(name.startswith(PREFIX) for name in state):
        # beside the prefix stands the decoder, which the loss has no use for
        state = {name.removeprefix(PREFIX): state[name] for name in state if not name.startswith(DECODER)}
    old = re.compile(rf"\.({'|'.join(OLD_NAMES)})$")
    renamed = {f"model.{old.sub(lambda found: '.' + OLD_NAMES[found[1]], name)}": state[name] for name in state}
    fill(module, renamed, path)
