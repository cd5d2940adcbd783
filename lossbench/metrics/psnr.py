"""Peak signal-to-noise ratio of one picture, over all its pixels and bands."""

import math

import numpy as np

from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "up"
unit = "dB"
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "10 log10(255^2 / MSE), MSE over the whole picture in float64; pictures are averaged by their PSNR"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the PSNR in dB of (C, H, W) in [0, 1]; infinite for equal pictures.

    The peak is 255 under every protocol, also for `y601`, whose range is 16..235. Raises UserError as Protocol.apply.
    """
    ours, theirs = protocol.pair(prediction, target)
    error = float(np.mean(np.square(ours - theirs)))
    return 10 * math.log10(255**2 / error) if error else math.inf
