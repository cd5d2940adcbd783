"""Structural similarity of a clip: the mean over its frames of each frame's own."""

import numpy as np

from lossbench.metrics import _clips, ssim
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ssim.colours
SOURCE = f"mean over frames; {ssim.SOURCE}"
OVER: Over = "clip"
FRAMES_AT_ONCE = 1
"""Frames in a row whose scores' mean is that of the clip, so that none is held whole."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean SSIM of clips (T, C, H, W) in [0, 1], at most 1; any number of bands.

    Frames are taken one by one. Raises UserError as `ssim.score` and for clips of two lengths.
    """
    _clips.check(prediction, target)
    return float(np.mean([ssim.score(*frames, protocol) for frames in zip(prediction, target, strict=True)]))
