"""Prepared clips of a few small frames, in one file a role."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.outputs.arrays import Entry, write_arrays

Clips = Mapping[tuple[str, str], NDArray[np.uint8]]
"""By split and name (T, H, W, 3)."""


def moving(frames: int, height: int = 20, width: int = 24, seed: int = 0) -> NDArray[np.uint8]:
    """Return (frames, height, width, 3), a smooth picture that moves by a pixel a frame."""
    draws = np.random.default_rng(seed)
    wide = draws.normal(size=(height // 4 + 1, (width + frames) // 4 + 2, 3)).repeat(4, axis=0).repeat(4, axis=1)
    levels = np.clip(128 + 50 * wide[:height], 0, 255).astype(np.uint8)
    return np.stack([levels[:, frame : frame + width] for frame in range(frames)])


def stored(folder: Path, role: str, clips: Clips) -> Path:
    """Write `clips` and return their card."""
    entries = [Entry(name, split, pixels, name, "CC0") for (split, name), pixels in clips.items()]
    write_arrays(folder, role, entries, {"dataset": "clips"})
    return folder / f"{role}.json"


def drifting(frames: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return (frames, height, width, 3), smooth waves that drift, each row faster than the one above."""
    phase = np.random.default_rng(seed).uniform(0, 0.6, 3)
    time, row, column = np.ogrid[:frames, :height, :width]
    moved = (column / 14 + row / 22 + time * (0.2 + row / height))[..., None] + phase
    return (128 + 90 * np.sin(moved)).astype(np.uint8)
