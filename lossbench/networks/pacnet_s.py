"""PaCNet's spatial network (S-CNN): denoises a frame from similar patches of it and of the frames around it.

Vaksman et al., "Patch Craft: Video Denoising by Deep Modeling and Patch Matching", ICCV 2021. It is the first half of
`pacnet`, trained by itself, one for each noise level. Its recipe and its initial weights are not published: those here
keep the variance of what passes.
"""

from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes
from lossbench.networks._patch_craft import Part, crafted, features, parts
from lossbench.networks._patch_index import TOGETHER, at_once, windows
from lossbench.networks._patch_search import HALF_WINDOW, OUTSIDE, Search, nearest

SOURCE = "Vaksman et al., ICCV 2021 (PaCNet); S-CNN by the authors' code"
PUBLISHED: Sizes = {"S-CNN": {}}
WINDOW = 7
"""The search looks at three frames before and three after the middle one."""
NORMALISES_BATCH = True
"""Batch normalisation: the pictures of a batch depend on each other."""
LEAST_PATCH = 11
"""Ten pixels are reflected at each edge; every convolution sees a reflected surround."""
KERNEL = 7
LAYERS = 5
REACH = LAYERS * (KERNEL // 2)
"""Pixels each way that the convolutions look."""
HALVINGS = 4
MOST_NEIGHBOURS = 2**HALVINGS
FIRST_GAIN = 0.1
"""Of the last convolution's initial weights: the first prediction is near the noisy frame."""
COPIES = 5
"""Of its input in memory, which the first layer makes."""
MEMORY = 2**31
"""Two gigabytes."""


class Separable(nn.Module):
    """(N, neighbours, 150, H, W) to (N, half the neighbours, rounded up, 150, H, W): three convolutions without bias.

    Of 7 x 7 pixels among three features, of the features of each neighbour, of the neighbours of each feature.
    """

    def __init__(self, neighbours: int, features: int) -> None:
        super().__init__()
        self.inputs, self.outputs = neighbours, ceil(neighbours / 2)
        maps = neighbours * features
        self.spatial = nn.Conv2d(maps, maps, KERNEL, groups=maps // 3, bias=False)
        self.features = nn.Conv2d(maps, maps, 1, groups=neighbours, bias=False)
        self.neighbours = nn.Conv2d(maps, self.outputs * features, 1, groups=features, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps at the same size; H and W are 4 or more."""
        combined = self.features(self.spatial(F.pad(maps.flatten(1, 2), [KERNEL // 2] * 4, mode="reflect")))
        # the sum that the convolution is, which is slow in as many groups as there are features
        weights = self.neighbours.weight.reshape(-1, self.outputs, self.inputs)
        return torch.einsum("fok,nkfhw->nofhw", weights, combined.view_as(maps))


class Block(nn.Module):
    """A separable layer, a bias or batch normalisation of each map, and a ReLU."""

    def __init__(self, neighbours: int, features: int, normalised: bool) -> None:
        super().__init__()
        self.layer = Separable(neighbours, features)
        maps = self.layer.outputs * features
        self.shift = nn.BatchNorm2d(maps) if normalised else Bias(maps)

    def forward(self, maps: Tensor) -> Tensor:
        """Return half the neighbours, rounded up."""
        output: Tensor = self.layer(maps)
        return F.relu(self.shift(output.flatten(1, 2))).view_as(output)


class Bias(nn.Module):
    """A number added to each map, 0 at first."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Return `maps` (N, maps, H, W) with it."""
        return maps + self.bias


class PaCNetS(nn.Module):
    """(N, 7, 3, H, W) in [0, 1] to the middle frame (N, 3, H, W), not clamped: the noisy frame minus the noise.

    Frames beyond the ends of a clip are constant, `outside`, so that no patch of theirs is taken. H and W are 11 or
    more where patches are of 7 x 7. In training mode batch normalisation takes means over the batch, so that
    predictions depend on their companions; in evaluation mode a frame is restored in parts that need `memory` bytes at
    most.
    """

    window = WINDOW
    in_channels = out_channels = 3
    multiple = scale = 1
    outside = OUTSIDE

    def __init__(self, search: Search, memory: int) -> None:
        super().__init__()
        self.search, self.memory = search, memory
        self.minimum = search.reflected + 1
        count = features(search)
        counts = [ceil(search.neighbours / 2**halving) for halving in range(HALVINGS)]
        self.blocks = nn.Sequential(*(Block(inputs, count, place > 0) for place, inputs in enumerate(counts)))
        self.last = nn.Sequential(
            nn.Conv2d(count, count, KERNEL, groups=count // 3, bias=False), nn.Conv2d(count, 3, 1)
        )
        self.apply(_draw_weights)
        _draw(self.last[1], FIRST_GAIN)

    def forward(self, frames: Tensor, sigma: Tensor | None = None, neighbours: Tensor | None = None) -> Tensor:
        """Return the prediction.

        `neighbours` (N, neighbours - 1, H + 6, W + 6) is what `nearest` returns for each window; it is searched for
        where it is not given. `sigma` is not looked at. Raises ValueError for other than 7 frames or small ones.
        """
        height, width = frames.shape[-2:]
        if frames.shape[1] != self.window:
            raise ValueError(f"PaCNet's S-CNN needs windows of {self.window} frames, got {frames.shape[1]}")
        if min(height, width) < self.minimum:
            raise ValueError(f"PaCNet needs {self.minimum} x {self.minimum} px or more, got {height} x {width}")
        if neighbours is None:
            neighbours = nearest(frames, self.search, self.memory)
        noisy = frames[:, HALF_WINDOW]
        pixels = self.memory // (COPIES * 4 * features(self.search) * self.search.neighbours)
        # in training in one piece, since batch normalisation looks at all of it
        if self.training or len(frames) * height * width <= min(TOGETHER, pixels):
            whole = Part(0, height, 0, width)
            pairs = zip(frames, neighbours, strict=True)
            return noisy - self._noise(torch.stack([crafted(*pair, self.search, whole) for pair in pairs]))
        noise = [self._noise_in_parts(*pair, pixels) for pair in zip(frames, neighbours, strict=True)]
        return noisy - torch.stack(noise)

    def clip(self, frames: Tensor, neighbours: Tensor | None = None) -> Tensor:
        """Return the predictions (N, T, 3, H, W) for all frames of whole clips (N, T, 3, H, W).

        `neighbours` is (N, T, neighbours - 1, H + 6, W + 6).
        """
        each = [windows(clip) for clip in frames]
        found = [None] * len(each) if neighbours is None else neighbours.unbind()
        if self.training:
            joined = None if neighbours is None else neighbours.flatten(0, 1)
            return self(torch.cat(each), None, joined).view_as(frames)  # type: ignore[no-any-return]
        return torch.stack([self._frames(*pair) for pair in zip(each, found, strict=True)])

    def _frames(self, each: Tensor, neighbours: Tensor | None) -> Tensor:
        """Return the predictions (T, 3, H, W) for windows (T, 7, 3, H, W), a few at once: they share their memory."""
        few = at_once(*each.shape[-2:])
        parted = each.split(few)
        found = [None] * len(parted) if neighbours is None else neighbours.split(few)
        return torch.cat([self(some, None, numbers) for some, numbers in zip(parted, found, strict=True)])

    def _noise_in_parts(self, window: Tensor, numbers: Tensor, pixels: int) -> Tensor:
        height, width = window.shape[-2:]
        noise = window.new_empty(3, height, width)
        for part in parts(height, width, REACH, pixels):
            # at its inner edges the reflection is wrong, and what it reaches is cut off
            around = part.grown(REACH, height, width)
            found = self._noise(crafted(window, numbers, self.search, around)[None])[0]
            rows, columns = part.within(around)
            noise[:, part.top : part.bottom, part.left : part.right] = found[:, rows, columns]
        return noise

    def _noise(self, maps: Tensor) -> Tensor:
        """Return (N, 3, H, W) for what is made of patches, (N, neighbours, 150, H, W)."""
        noise: Tensor = self.last(F.pad(self.blocks(maps).squeeze(1), [KERNEL // 2] * 4, mode="reflect"))
        return noise


def build(
    radius: int = 37, search_frames: int = 3, neighbours: int = 15, craft: int = 7, memory: int = MEMORY
) -> PaCNetS:
    """Return PaCNet's S-CNN.

    Patches are searched for up to `radius` pixels away along each axis and in `search_frames` frames before and after
    the restored one; the `neighbours` nearest are used, the pixel's own patch being the first. Patches of 15 x 15 are
    compared, and frames made of those of `craft` x `craft` in their middle: a pixel has 3 * craft**2 + 3 features of
    each neighbour. `memory` in bytes bounds
    what the search and, in evaluation mode, the network need at once. Raises UserError for what cannot be searched.
    """
    search = Search(radius, search_frames, neighbours, craft).checked()
    if not 2 <= neighbours <= min(MOST_NEIGHBOURS, search.candidates):
        most = min(MOST_NEIGHBOURS, search.candidates)
        raise UserError(f"neighbours: {neighbours}; give 2 to {most}, the pixel's own patch among them")
    if memory < 1:
        raise UserError(f"memory: {memory} bytes; give 1 or more")
    return PaCNetS(search, memory)


def _draw_weights(layer: nn.Module) -> None:
    if isinstance(layer, Separable):
        _draw(layer.neighbours, 2**0.5)
    elif isinstance(layer, nn.Conv2d):
        _draw(layer, 1.0)


def _draw(layer: nn.Module, gain: float) -> None:
    """Draw weights that change the deviation of what passes by `gain`, and no bias."""
    assert isinstance(layer, nn.Conv2d)
    if layer.weight.is_meta:
        # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
        return
    nn.init.normal_(layer.weight, std=gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
