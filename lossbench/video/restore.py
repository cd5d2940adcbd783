"""Restore a clip frame by frame as it comes, in memory that does not grow with its length.

A network with a window keeps that many frames. A network that takes whole clips gets parts of a few frames that
overlap, and its predictions are averaged where they do. Frames may be tiled as pictures are.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench import device as devices
from lossbench import networks
from lossbench.errors import UserError
from lossbench.networks import ClipNetwork, EndedNetwork, SearchingNetwork, VideoNetwork
from lossbench.networks._padding import restore, restore_tiled
from lossbench.restorer import TILE_OVERLAP, load
from lossbench.video import windows

CHUNK = 16
"""Frames that a network of whole clips is given at once: what those are published with."""
OVERLAP = 4
"""Frames that two such parts share."""

Floats = NDArray[np.float32]
RestoreClip = Callable[[Iterable[Floats], float | None], Iterator[Floats]]


@dataclass(frozen=True)
class Settings:
    """How a clip is cut for memory's sake."""

    tile: int | None = None
    """Low-quality pixels at a side; None restores whole frames."""
    chunk: int = CHUNK
    overlap: int = OVERLAP


def clip_restorer(
    name: str,
    arguments: dict[str, Any],
    model: Path,
    settings: Settings,
    threads: int,
    neighbours: Path | None = None,
) -> RestoreClip:
    """Return the function from the frames (h, w, C) of a clip, noise aside in [0, 1], to predictions in [0, 1].

    Its second argument is the standard deviation of the noise, for networks that are told it, else None. It takes an
    iterable and gives an iterator: see `restored`. Runs in float32 on the device that there is. The folder `neighbours`
    keeps what a network that looks for patches has found, for those that are given the same frames. Raises UserError as
    `lossbench.restorer.restorer` does, and when `name` restores pictures.
    """
    chosen = devices.choose("float32", threads)
    if networks.window(name) == 1:
        raise UserError(f"network '{name}' restores pictures; name one that restores clips")
    network = chosen.place(load(name, arguments, model))
    if isinstance(network, SearchingNetwork):
        network.neighbours_folder = neighbours

    def restored_clip(frames: Iterable[Floats], sigma: float | None) -> Iterator[Floats]:
        images = (torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1) for frame in frames)
        for prediction in restored(network, images, sigma, settings):
            yield prediction.clamp(0, 1).permute(1, 2, 0).contiguous().numpy()

    return restored_clip


def restored(
    network: nn.Module, frames: Iterable[Tensor], sigma: float | None = None, settings: Settings = Settings()
) -> Iterator[Tensor]:
    """Give the prediction (out_channels, H, W) for each of `frames` (C, h, w), in order, not clamped.

    `network` is a `VideoNetwork` or a `ClipNetwork` in evaluation mode; `sigma` is the standard deviation of the noise
    in units of [0, 1], for those that are told it. At most its window of frames is held, or `chunk` frames and as many
    predictions. Frames of any size are extended to what the network needs, as pictures are, and may lie on another
    device than the network: predictions have the device and dtype of the frames. Beside the ends of a clip lie its own
    frames, mirrored, or what an `EndedNetwork` says. No gradients. Raises UserError for a network of pictures, frames
    of several sizes, of integers or of other bands than the network takes, a clip without frames, and one that is too
    short: a single frame where a window is mirrored at the ends, or fewer than the `least_frames` of a network of whole
    clips.
    """
    images = _checked(frames, getattr(network, "in_channels", None))
    if isinstance(network, ClipNetwork) and network.window is None:
        yield from _by_chunks(network, images, sigma, settings)
    elif isinstance(network, VideoNetwork):
        yield from _by_windows(network, images, sigma, settings.tile)
    else:
        raise UserError(f"{type(network).__name__} restores pictures; give a network that restores clips")


class Stacked:
    """A network of video as one of pictures, whose bands are those of all its frames: (N, T * C, H, W).

    So it can be run in tiles, on pictures of any size and on another device than theirs, as such a network can.
    """

    def __init__(self, network: VideoNetwork | ClipNetwork, count: int, sigma: float | None) -> None:
        """Take `count` frames at once, whose noise is of the standard deviation `sigma` where the network is told."""
        self.network, self.count, self.sigma = network, count, sigma
        self.in_channels = count * network.in_channels
        self.out_channels = network.out_channels * (count if network.window is None else 1)
        self.scale, self.multiple, self.minimum = network.scale, network.multiple, network.minimum

    def parameters(self) -> Iterator[nn.Parameter]:
        """Give those of the network."""
        return self.network.parameters()

    def __call__(self, stack: Tensor, /) -> Tensor:
        """Return the prediction, (N, out_channels, scale * H, scale * W), with the device and dtype of `stack`."""
        parameter = next(self.parameters(), stack)
        frames = stack.to(parameter.device).unflatten(1, (self.count, -1))
        told = () if self.sigma is None else (frames.new_full(frames.shape[:1], self.sigma),)
        prediction = self.network(frames, *told)
        return (prediction.flatten(1, 2) if prediction.ndim == 5 else prediction).to(stack)


@torch.no_grad()
def _run(stacked: Stacked, frames: Iterable[Tensor], tile: int | None) -> Tensor:
    stack = torch.cat(tuple(frames))[None]
    found = restore(stacked, stack) if tile is None else restore_tiled(stacked, stack, tile, TILE_OVERLAP)
    return found[0]


def _by_windows(
    network: VideoNetwork, frames: Iterator[Tensor], sigma: float | None, tile: int | None
) -> Iterator[Tensor]:
    stacked, half = Stacked(network, network.window, sigma), network.window // 2
    held: deque[Tensor] = deque(maxlen=network.window)
    outside = network.outside if isinstance(network, EndedNetwork) else None
    read = 0

    def seen(index: int) -> Tensor:
        if 0 <= index < read:
            return held[index - read + len(held)]
        assert outside is not None
        return torch.full_like(held[0], outside)

    def prediction(middle: int) -> Tensor:
        mirrors = outside is None
        places = windows.around(middle, read, network.window) if mirrors else range(middle - half, middle + half + 1)
        return _run(stacked, map(seen, places), tile)

    for frame in frames:
        held.append(frame)
        read += 1
        if read > half:
            yield prediction(read - 1 - half)
    for middle in range(max(read - half, 0), read):
        yield prediction(middle)


def _by_chunks(
    network: ClipNetwork, frames: Iterator[Tensor], sigma: float | None, settings: Settings
) -> Iterator[Tensor]:
    size, step, least = settings.chunk, settings.chunk - settings.overlap, network.least_frames
    if size < least:
        raise UserError(f"chunk: {size} frames, but the network needs {least}; give {least} or more")
    if not 0 < step <= size:
        raise UserError(f"overlap: {settings.overlap} frames of {size} cannot advance; give 0 to {size - 1}")
    held: deque[Tensor] = deque(maxlen=size)
    # sums of predictions and their numbers, of frames that further parts may hold
    pending: deque[tuple[Tensor, int]] = deque()
    read = given = 0

    def add() -> None:
        found = _run(Stacked(network, len(held), sigma), held, settings.tile).unflatten(0, (len(held), -1))
        for place, prediction in enumerate(found, read - len(held) - given):
            if place < len(pending):
                total, number = pending[place]
                pending[place] = total + prediction, number + 1
            else:
                pending.append((prediction, 1))

    for frame in frames:
        held.append(frame)
        read += 1
        if read >= size and (read - size) % step == 0:
            add()
            # the next part begins after the first frame of this one
            while given <= read - size:
                given += 1
                yield _mean(*pending.popleft())
    if read < least:
        raise UserError(f"the clip has {read} frames, but the network needs {least}; give a longer one")
    if given + len(pending) < read:
        add()
    yield from (_mean(*each) for each in pending)


def _mean(total: Tensor, number: int) -> Tensor:
    # a prediction of its own memory: what it is a part of is not kept
    return total / number


def _checked(frames: Iterable[Tensor], bands: int | None) -> Iterator[Tensor]:
    """Give `frames`; raises UserError for none, and for one of integers, other `bands` or another size than others."""
    size = None
    for index, frame in enumerate(frames):
        size = size or frame.shape
        if not frame.is_floating_point() or frame.ndim != 3 or bands not in (None, len(frame)):
            raise UserError(
                f"frame {index} is {frame.dtype} {tuple(frame.shape)}; give floats ({bands or 'bands'}, H, W) in [0, 1]"
            )
        if frame.shape != size:
            found, first = (" x ".join(map(str, each)) for each in (frame.shape, size))
            raise UserError(f"frame {index} is {found}, the first {first}; a clip has frames of one size")
        yield frame
    if size is None:
        raise UserError("the clip has no frames")
