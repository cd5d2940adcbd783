"""Prepared clips as they are trained on and scored: their first frames, their least length, and stills as targets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError

Clip = NDArray[Any]
"""(T, H, W, C), a view of the mapped file."""

SCORED_FRAMES = 85
"""Frames of a clip that the published video tables score at most, the first ones."""
LEAST_FRAMES = 2
"""Of a clip that is scored: one has none to mirror at its ends, and no motion."""


def scored(clip: Clip, most: int = SCORED_FRAMES) -> Clip:
    """Return the first `most` frames of `clip`, all of a shorter one."""
    return clip[:most]


def truth(target: Clip, frames: int) -> Clip:
    """Return the target of a clip of `frames` frames: a still stands for every one of them, without a copy.

    Raises ValueError for a clip of another number of frames.
    """
    if len(target) not in (1, frames):
        raise ValueError(f"{len(target)} frames are no target of {frames}")
    return np.broadcast_to(target, (frames, *target.shape[1:]))


def require_frames(name: str, frames: int, least: int) -> None:
    """Raise UserError naming the clip when it is shorter than what is cut out of it or looked at by a network."""
    if frames < least:
        raise UserError(
            f"clip '{name}' has {frames} frames, {least} are needed; give a longer clip or remove it, or take a shorter"
            " window"
        )
