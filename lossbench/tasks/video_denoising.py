"""Denoising of clips: white Gaussian noise, the same for whoever reads the clip, and not clipped.

Noise that leaves the range of the levels can't be stored among them, so that it is added where frames are read.
"""

import hashlib
from itertools import pairwise
from typing import Annotated, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from lossbench.errors import UserError
from lossbench.images import largest
from lossbench.records import Strict
from lossbench.tasks import Pixels, TaskSettings
from lossbench.tasks._ranges import Range

SOURCE = "Tassano et al. 2020 (FastDVDnet): white Gaussian noise in sRGB, not clipped, of five levels"
TRIVIAL = "noisy_input"
ALSO_TRIVIAL: tuple[str, ...] = ()
CLIPS = True
"""What it restores."""

TILE = 64
"""Side in pixels of the squares of a frame that have random numbers of their own: a crop costs what it shows."""


def _increasing(levels: tuple[float, ...]) -> tuple[float, ...]:
    if not levels or min(levels) <= 0 or any(a >= b for a, b in pairwise(levels)):
        raise ValueError(f"{list(levels)} are not levels above 0, each larger than the one before")
    return levels


class Settings(Strict):
    """How strong the noise is, in 8-bit levels."""

    sigmas: Annotated[tuple[float, ...], AfterValidator(_increasing)] = (10.0, 20.0, 30.0, 40.0, 50.0)
    """Standard deviations that a clip is scored at; the published tables print their mean."""
    training: Range = (5.0, 55.0)
    """Standard deviation in training, uniform over (lowest, highest), one a sample (FastDVDnet's code)."""


def parsed(settings: TaskSettings) -> Settings:
    """Return the settings; raises UserError naming the one that is unknown or wrong."""
    return Settings.parse(settings, "settings of task 'video_denoising'")


def levels(settings: TaskSettings) -> tuple[float, ...]:
    """Return the standard deviations that a clip is scored at; raises UserError as `parsed`."""
    return parsed(settings).sigmas


def training_levels(settings: TaskSettings) -> tuple[float, float]:
    """Return the lowest and highest standard deviation in training; raises UserError as `parsed`."""
    return parsed(settings).training


def scale(settings: TaskSettings) -> int:
    """Return 1, target size / low-quality size; raises UserError as `parsed`."""
    parsed(settings)
    return 1


def versions(settings: TaskSettings) -> int:
    """Return 1: nothing is stored."""
    parsed(settings)
    return 1


def reference(target: Pixels, settings: TaskSettings) -> Pixels:
    """Return `target` (..., H, W, C) as it is."""
    return target


def degrade(target: Pixels, settings: TaskSettings, generator: np.random.Generator) -> NoReturn:
    """Raise UserError: no low quality is stored, see `noisy`."""
    raise UserError("task 'video_denoising' stores no low quality; its noise is added where frames are read")


def trivial(low_quality: Pixels, settings: TaskSettings) -> Pixels:
    """Return the answer that every network has to beat: the noisy input itself."""
    return low_quality


def noisy(
    frames: Pixels, clip: str, sigma: float, first: int = 0, corner: tuple[int, int] = (0, 0)
) -> NDArray[np.float32]:
    """Return `frames` (T, H, W, C) of 8 or 16 bit as [0, 1] plus the `noise` of the clip, which may leave that range.

    `frames` are a window of the clip from frame `first` on, or a crop of it whose top left pixel is `corner`.
    """
    light = frames.astype(np.float32) / np.float32(largest(frames.dtype))
    size = (frames.shape[1], frames.shape[2], frames.shape[3])
    for number, frame in enumerate(light, first):
        frame += noise(clip, sigma, number, size, corner)
    return light


def noise(
    clip: str, sigma: float, frame: int, size: tuple[int, int, int], corner: tuple[int, int] = (0, 0)
) -> NDArray[np.float32]:
    """Return white noise (H, W, C) of `size` and standard deviation `sigma` / 255 from `corner` (top, left) on.

    It depends on the clip's name, sigma (8-bit levels), the number of the frame and the place in it alone: windows and
    crops that overlap have the same noise where they do, whoever asks and in whatever order.
    """
    (top, left), (height, width, bands) = corner, size
    digest = hashlib.sha256(f"{clip}\n{float(sigma)!r}\n{bands}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8")
    found = np.empty(size, dtype=np.float32)
    for row in range(top // TILE, (top + height - 1) // TILE + 1):
        for column in range(left // TILE, (left + width - 1) // TILE + 1):
            # the first of the four counts within a stream
            stream = np.random.Philox(key=key, counter=[0, column, row, frame])
            tile = np.random.Generator(stream).standard_normal((TILE, TILE, bands), dtype=np.float32)
            up, start = row * TILE - top, column * TILE - left
            rows, columns = slice(max(up, 0), up + TILE), slice(max(start, 0), start + TILE)
            part = found[rows, columns]
            y, x = max(-up, 0), max(-start, 0)
            part[...] = tile[y : y + part.shape[0], x : x + part.shape[1]]
    found *= np.float32(sigma / 255)
    return found
