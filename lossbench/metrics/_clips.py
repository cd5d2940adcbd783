"""What metrics of clips share: a protocol applied frame by frame."""

import numpy as np

from lossbench.errors import UserError
from lossbench.metrics._protocol import Floats, Pixels, Protocol


def pairs(prediction: Pixels, target: Pixels, protocol: Protocol, least: int = 1) -> tuple[Floats, Floats]:
    """Return both clips (T, C, H, W) in 0..255 as `Protocol.pair` makes each frame.

    Raises UserError as Protocol.pair, for another number of axes, and for fewer than `least` frames.
    """
    check(prediction, target, least)
    frames = [protocol.pair(ours, theirs) for ours, theirs in zip(prediction, target, strict=True)]
    return np.stack([ours for ours, _ in frames]), np.stack([theirs for _, theirs in frames])


def check(prediction: Pixels, target: Pixels, least: int = 1) -> None:
    """Raise UserError unless both are clips (T, C, H, W) of one number of frames, `least` or more."""
    for role, clip in (("prediction", prediction), ("target", target)):
        if clip.ndim != 4:
            raise UserError(f"{role}: shape {clip.shape} is not (T, C, H, W); give one clip")
        if len(clip) < least:
            raise UserError(f"{role}: {len(clip)} frames; give {least} or more")
    if len(prediction) != len(target):
        raise UserError(f"prediction: {len(prediction)} frames, target: {len(target)}; give clips of one length")
