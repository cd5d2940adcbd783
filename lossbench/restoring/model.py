"""The trained network of a file, opened once, as a function from levels to levels."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench import device as devices
from lossbench import networks, plugins
from lossbench.errors import UserError, memory_for
from lossbench.files import sha256
from lossbench.networks import ClipNetwork, Network, Sized
from lossbench.restorer import TILE_OVERLAP
from lossbench.restoring.bands import Fit, fit
from lossbench.restoring.picture import LEAST_TILE, TILE, Counted, chosen_tile, quantised, tensor
from lossbench.restoring.record import DIGITS, Record
from lossbench.restoring.strips import count
from lossbench.restoring.trained import trained
from lossbench.video.restore import Settings, restored

LEVELS = 255
"""Levels of eight bits above black, in which `--sigma` is given."""

Levels = NDArray[Any]
"""(H, W, bands) of uint8 or uint16."""


@dataclass(frozen=True)
class Model:
    """A network, and how it is run."""

    network: nn.Module
    record: Record

    @property
    def clips(self) -> bool:
        """Whether the network restores clips."""
        return networks.window(self.record.network) != 1

    @property
    def sized(self) -> Sized:
        """The network as what has bands."""
        assert isinstance(self.network, Sized)
        return self.network

    def fit(self, bands: int) -> Fit:
        """Return how a picture, or a frame, of so many bands is restored; raises UserError where it can't be."""
        return fit(self.sized, bands, self.clips)

    def picture(self, levels: Levels, white: int, deep: bool, said: Callable[[int, int], None]) -> Levels:
        """Return the prediction for levels, of which `white` stands for 1; says tiles done and all tiles."""
        network = self.network
        assert isinstance(network, Network)
        tile, tiles = chosen_tile(self.record.tile, *levels.shape[:2]), 0
        total = count(network, levels.shape[0], levels.shape[1], tile, TILE_OVERLAP)

        def done() -> None:
            nonlocal tiles
            tiles += 1
            said(tiles, total)

        with self._memory(tile):
            return quantised(Counted(network, done), levels, white, tile, self.fit(levels.shape[-1]), deep)

    def clip(self, frames: Iterable[tuple[Levels, int]], deep: bool) -> Iterator[Levels]:
        """Give the prediction for each of some frames with their white, in order; no more are held than are looked at.

        Raises UserError as `lossbench.video.restore.restored`.
        """
        if not self.clips:
            for levels, white in frames:
                yield self.picture(levels, white, deep, lambda *_: None)
            return
        sigma = None if self.record.sigma is None else self.record.sigma / LEVELS
        top = np.iinfo(np.uint16 if deep else np.uint8).max
        # the first frame says how all are brought to the network
        given = iter(frames)
        first = next(given, None)
        if first is None:
            raise UserError("the clip has no frames")
        fitted = self.fit(first[0].shape[-1])
        tile = chosen_tile(self.record.tile, *first[0].shape[:2])

        def images() -> Iterator[Tensor]:
            yield fitted.before(tensor(*first))[0]
            for each in given:
                yield fitted.before(tensor(*each))[0]

        with self._memory(tile):
            for prediction in restored(self.network, images(), sigma, Settings(tile)):
                if not bool(prediction.isfinite().all()):
                    raise UserError("the network gives NaN or infinite values; its training went astray")
                values = fitted.after(prediction[None])[0].clamp(0, 1).mul(float(top)).round().permute(1, 2, 0)
                yield values.cpu().numpy().astype(np.uint16 if deep else np.uint8)

    def _memory(self, tile: int | None) -> AbstractContextManager[None]:
        """Say where memory is used up in the block how to restore in smaller parts."""
        smaller = max((tile or 2 * TILE) // 2, LEAST_TILE)
        return memory_for(f"network '{self.record.network}'", f"restore in smaller tiles, by --tile {smaller}")

    def least_frames(self) -> int:
        """Return how many frames a clip must have."""
        if not self.clips:
            return 1
        return self.network.least_frames if isinstance(self.network, ClipNetwork) else 2


def opened(path: Path, tile: int | None, sigma: float | None, threads: int | None) -> Model:
    """Open the network in the file `path` on the device that there is, in float32, to be run on `threads` cores.

    Raises UserError for a file that holds none, a tile that can't be, and a noise level that the network is not told or
    that is missing.
    """
    if tile is not None and tile < 0:
        raise UserError(f"--tile {tile} px; give 0 for whole pictures, or the side of a tile such as 256")
    if tile and tile < LEAST_TILE:
        least = f"give {LEAST_TILE} or more, such as 256, or 0 for whole ones"
        raise UserError(f"--tile {tile} px: tiles share {TILE_OVERLAP} px; {least}")
    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}; give 1 or more")
    network, description = trained(path, "--model")
    name = description["name"]
    told = plugins.constant(networks.FOLDER, name, "TAKES_SIGMA", False)
    if told and sigma is None:
        raise UserError(f"network '{name}' is told the noise; give --sigma, its standard deviation in levels of 0..255")
    if sigma is not None and not told:
        raise UserError(f"--sigma {sigma:g}: network '{name}' is not told the noise; leave it out")
    if sigma is not None and not 0 <= sigma <= LEVELS:
        raise UserError(f"--sigma {sigma:g}; give a standard deviation in levels of 0..255, such as 25")
    chosen = devices.choose("float32", threads or torch.get_num_threads())
    return Model(chosen.place(network), Record(name, sha256(path)[:DIGITS], sigma, tile))
