"""Peak signal-to-noise ratio of a clip: the mean over its frames of each frame's own."""

import math

import numpy as np

from lossbench.metrics import _clips
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "up"
unit = "dB"
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "gray")
SOURCE = "mean over frames of 10 log10(255^2 / MSE), MSE over one frame, as FastDVDnet's batch_psnr"
OVER: Over = "clip"
FRAMES_AT_ONCE = 1
"""Frames in a row whose scores' mean is that of the clip, so that none is held whole."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the PSNR in dB of clips (T, C, H, W) in [0, 1]; infinite as soon as one frame equals its target.

    The published video tables do not round (`Protocol(rounding=False)`), and average it over sequences. The PSNR of the
    MSE over all frames is lower, by 2.7 dB where the noise of frames is 10, 25 and 50. Raises UserError as
    Protocol.apply and for clips of two lengths.
    """
    ours, theirs = _clips.pairs(prediction, target, protocol)
    errors = np.square(ours - theirs).mean(axis=(1, 2, 3))
    return float(np.mean([10 * math.log10(255**2 / error) if error else math.inf for error in errors]))
