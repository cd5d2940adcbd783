"""Visual information fidelity on the steerable pyramid: the share of the target's information that is left."""

import numpy as np

from lossbench.errors import UserError
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics._steerable import SIDE, bands

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("y601_rounded", "gray")
SOURCE = "Sheikh, Bovik, 'Image Information and Visual Quality', IEEE TIP 15(2), 2006; 3x3 vectors"
OVER: Over = "picture"

NOISE = 0.4
"""Variance of the visual noise for levels of 0..255."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the VIF of (1 or 3, H, W) in [0, 1]: 1 for equal pictures, 0 when nothing of the target is left.

    Luma in whole levels. Above 1 when contrast was added; not symmetric. Raises UserError as Protocol.apply, for
    pictures under 72x72 pixels after the crop and for a flat target, which holds no information, unless it is met
    exactly.
    """
    ours, theirs = compared("vif", prediction, target, protocol, colours, SIDE)
    if np.array_equal(ours, theirs):
        return 1.0
    kept = total = 0.0
    for band in bands(ours[0], theirs[0]):
        signal = band.scale[..., None] * band.eigenvalues
        kept += float(np.log2(1 + band.gain[..., None] ** 2 * signal / (band.noise[..., None] + NOISE)).sum())
        total += float(np.log2(1 + signal / NOISE).sum())
    if not total:
        raise UserError("target: a flat picture holds no information to be kept; leave it out")
    return kept / total
