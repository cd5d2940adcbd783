"""PaCNet: denoises a clip by patches that resemble each other, then along time.

Vaksman et al., "Patch Craft: Video Denoising by Deep Modeling and Patch Matching", ICCV 2021. The spatial network
(S-CNN, `pacnet_s`) restores each frame from patches of the frames around it; the temporal one (T-CNN) looks at seven
frames as they came and as restored. There is one of each for each noise level. How they are trained is not published:
here the S-CNN first and by itself, then the T-CNN on top of it.
"""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from lossbench import storage
from lossbench.errors import UserError
from lossbench.files import given_path
from lossbench.networks import Sizes, arguments_of
from lossbench.networks._patch_index import cached_neighbours
from lossbench.networks._patch_search import Search
from lossbench.networks.pacnet_s import FIRST_GAIN, MEMORY, PaCNetS
from lossbench.networks.pacnet_s import build as build_spatial
from lossbench.video.windows import mirrored

SOURCE = "Vaksman et al., ICCV 2021 (PaCNet); S-CNN and T-CNN by the authors' code, without its unused numbers"
PUBLISHED: Sizes = {"S-CNN and T-CNN": {"train_spatial": True}, "T-CNN on a frozen S-CNN": {}}
WINDOW = None
"""It restores whole clips, since each frame that the S-CNN restores serves seven."""
BUILT_ON = "pacnet_s"
"""The network whose trained file `weights` is."""
SHARED = ("radius", "search_frames", "neighbours", "craft")
"""Arguments that both have alike."""
LEAST_FRAMES = 4
"""Three frames are mirrored at each end."""
LEAST_PATCH = 11
"""The S-CNN reflects ten pixels at each edge."""
SLOPE = 0.01
"""Slope of the leaky ReLU below zero."""
TEMPORAL = 3
"""Convolutions over three frames each, hence frames each way that the T-CNN looks."""


class Temporal(nn.Module):
    """The T-CNN: (N, T + 6, 6, H, W), colours as they came and as restored, to the noise (N, T, 3, H, W) that is left.

    Three convolutions take two frames each; then all is within a frame. There is no batch normalisation.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.width = width
        self.over_time = nn.Sequential()
        for place, (inputs, outputs) in enumerate(pairwise((6, width // 2, width // 2, width))):
            self.over_time.append(nn.Conv3d(inputs, outputs, 3, padding=(0, 1, 1), bias=place == 0))
            self.over_time.append(nn.LeakyReLU(SLOPE, inplace=True))
        self.within = nn.Sequential()
        for _ in range(layers):
            self.within.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
            self.within.append(nn.LeakyReLU(SLOPE, inplace=True))
        last = nn.Conv2d(width, 3, 3, padding=1)
        self.within.append(last)
        self.apply(_draw_weights)
        if not last.weight.is_meta:
            # the first prediction is near what the S-CNN gives
            with torch.no_grad():
                last.weight.mul_(FIRST_GAIN)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the noise of all frames but the three at each end."""
        maps = self.over_time(frames.transpose(1, 2)).transpose(1, 2)
        noise: Tensor = self.within(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        return noise


class PaCNet(nn.Module):
    """(N, T, 3, H, W) in [0, 1], noise beyond, to the same shape, not clamped; T 4 or more, H and W 11 or more.

    A frame depends on those at most `reach` frames away. A frozen S-CNN stays in evaluation mode and gets no gradient.
    """

    window = None
    least_frames = LEAST_FRAMES
    in_channels = out_channels = 3
    multiple = scale = 1

    def __init__(self, spatial: PaCNetS, width: int, layers: int, train_spatial: bool) -> None:
        super().__init__()
        self.train_spatial = train_spatial
        self.spatial = spatial.requires_grad_(train_spatial)
        self.temporal = Temporal(width, layers)
        self.minimum = spatial.minimum
        self.reach = spatial.search.frames + TEMPORAL
        self.neighbours_folder: Path | None = None
        self.train()

    def train(self, mode: bool = True) -> "PaCNet":
        """Set the training mode, but for a frozen S-CNN."""
        super().train(mode)
        self.spatial.train(mode and self.train_spatial)
        return self

    def forward(self, frames: Tensor, sigma: Tensor | None = None, neighbours: Tensor | None = None) -> Tensor:
        """Return the prediction.

        `neighbours` (N, T, neighbours - 1, H + 6, W + 6) is what `clip_neighbours` returns for each clip; it is
        searched for where it is not given, or taken from `neighbours_folder`. `sigma` is not looked at. Raises
        ValueError for short clips and small frames.
        """
        count = frames.shape[1]
        if count < self.least_frames:
            raise ValueError(f"PaCNet needs clips of {self.least_frames} frames or more, got {count}")
        if neighbours is None and self.neighbours_folder is not None and not self.training:
            spatial, folder = self.spatial, self.neighbours_folder
            found = [cached_neighbours(clip, spatial.search, spatial.memory, folder) for clip in frames]
            neighbours = torch.stack(found)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.train_spatial):
            restored = self.spatial.clip(frames, neighbours).clamp(0, 1)
        both = torch.cat((frames, restored), dim=2)
        both = both[:, [mirrored(place, count) for place in range(-TEMPORAL, count + TEMPORAL)]]
        step = count if torch.is_grad_enabled() else self._frames_at_once(frames)
        noise = [self.temporal(both[:, start : start + step + 2 * TEMPORAL]) for start in range(0, count, step)]
        return restored - torch.cat(noise, dim=1)

    def _frames_at_once(self, frames: Tensor) -> int:
        """Return how many frames the T-CNN restores within the memory that is allowed: what two layers hold."""
        frame = 2 * 4 * self.temporal.width * len(frames) * frames.shape[-2] * frames.shape[-1]
        return max(1, self.spatial.memory // frame - 2 * TEMPORAL)


def build(
    weights: Path | None = None,
    train_spatial: bool = False,
    radius: int = 37,
    search_frames: int = 3,
    neighbours: int = 15,
    craft: int = 7,
    width: int = 96,
    layers: int = 16,
    memory: int = MEMORY,
) -> PaCNet:
    """Return PaCNet.

    `weights` is the file of a trained `pacnet_s` of the same `radius`, `search_frames`, `neighbours` and `craft`: the
    S-CNN, which with `train_spatial` is trained on, and frozen otherwise. Without a file its weights are random, to be
    filled from a stored PaCNet. `width` is the number of channels of the T-CNN, whose convolutions within a frame
    number `layers` and one. `memory` in bytes bounds what is needed at once in evaluation. Raises UserError for sizes
    that make no network, and naming the file where it is missing, damaged, or of another network.
    """
    spatial = build_spatial(radius, search_frames, neighbours, craft, memory)
    if width < 2 or width % 2 or layers < 1:
        raise UserError(f"PaCNet: width {width}, layers {layers}; give an even width of 2 or more and 1 layer or more")
    if weights is not None:
        _fill(spatial, given_path(weights, "weights"))
    return PaCNet(spatial, width, layers, train_spatial)


def _fill(spatial: PaCNetS, file: Path) -> None:
    state, description = storage.read(file)
    if description["name"] != "pacnet_s":
        raise UserError(f"{file} holds the network '{description['name']}'; give the file of a 'pacnet_s'")
    held = build_spatial(**{**arguments_of(description, file), "memory": 1}).search
    if held != spatial.search:
        raise UserError(f"{file} holds an S-CNN of {_words(held)}, not of {_words(spatial.search)}; give its settings")
    storage.fill(spatial, state, file)


def _words(search: Search) -> str:
    return "radius {}, search_frames {}, neighbours {}, craft {}".format(*search)


def _draw_weights(layer: nn.Module) -> None:
    if not isinstance(layer, nn.Conv2d | nn.Conv3d) or layer.weight.is_meta:
        # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
        return
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
