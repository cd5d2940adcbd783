"""Keep what a search for patches has found in a clip: it costs more than all else and depends on the noisy clip alone.

A file is NumPy's .npy, uint16 (T, neighbours - 1, H + 6, W + 6), followed by the SHA-256 of all that stands before.
"""

import hashlib
import io
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.files import written_atomically
from lossbench.networks._patch_search import HALF_WINDOW, OUTSIDE, Search, nearest

VERSION = 1
"""Raised when the same clip and search lead to other numbers."""
TOGETHER = 2**13
"""Pixels of the small frames that are looked at together: one by one, they would take longer to begin than to do."""
DIGEST_BYTES = 32
KEPT_FREE = 0.1
"""Share of the disk that files leave free; what would take more is not kept."""


def windows(clip: Tensor) -> Tensor:
    """Return (T, 7, C, H, W), a view of `clip` (T, C, H, W) extended: each frame amid its three before and after."""
    ends = clip.new_full((HALF_WINDOW, *clip.shape[1:]), OUTSIDE)
    extended = torch.cat((ends, clip, ends))
    return extended.unfold(0, 2 * HALF_WINDOW + 1, 1).movedim(-1, 1)


def at_once(height: int, width: int) -> int:
    """Return how many frames of that size are looked at together."""
    return max(1, TOGETHER // (height * width))


def clip_neighbours(clip: Tensor, search: Search, memory: int) -> Tensor:
    """Return (T, neighbours - 1, H + 6, W + 6) int32, for each frame of `clip` (T, C, H, W) what `nearest` returns."""
    few = at_once(*clip.shape[-2:])
    return torch.cat([nearest(some, search, memory) for some in windows(clip).split(few)])


def cached_neighbours(clip: Tensor, search: Search, memory: int, folder: Path) -> Tensor:
    """Return what `clip_neighbours` does, from its file in `folder` where that is whole, and else write it.

    The name of the file is a digest of the frames' values and of `search`. A file that is damaged is made anew; none is
    kept where the disk is nearly full or the folder can't be written to.
    """
    file = folder / f"{_name(clip, search)}.npy"
    shape = (len(clip), search.neighbours - 1, clip.shape[-2] + 2 * search.margin, clip.shape[-1] + 2 * search.margin)
    if (stored := _stored(file, shape)) is None:
        # a number has 16 bits, as `Search.checked` says
        stored = clip_neighbours(clip, search, memory).cpu().numpy().astype(np.uint16)
        buffer = io.BytesIO()
        np.save(buffer, stored, allow_pickle=False)
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(folder)
            if disk.free - buffer.getbuffer().nbytes > KEPT_FREE * disk.total:
                with written_atomically(file) as temporary:
                    temporary.write_bytes(buffer.getvalue() + hashlib.sha256(buffer.getbuffer()).digest())
    return torch.from_numpy(stored.astype(np.int32)).to(clip.device)


def _name(clip: Tensor, search: Search) -> str:
    pixels = clip.detach().cpu().float().contiguous().numpy()
    digest = hashlib.sha256(f"{VERSION} {tuple(search)} {pixels.shape} {pixels.dtype.str}".encode())
    digest.update(pixels.data)
    return digest.hexdigest()


def _stored(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint16] | None:
    """Return the array in `file`; None where there is none, or another than was written."""
    with suppress(OSError, ValueError):
        content = file.read_bytes()
        whole, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
        if hashlib.sha256(whole).digest() == digest:
            array: NDArray[np.uint16] = np.load(io.BytesIO(whole), allow_pickle=False)
            return array if array.shape == shape and array.dtype == np.uint16 else None
    return None
