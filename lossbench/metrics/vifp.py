"""Visual information fidelity in the pixel domain: the share of the target's information that is left."""

import numpy as np

from lossbench.errors import UserError
from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol
from lossbench.metrics._windows import gaussian, moments, smooth

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "Sheikh, Bovik, 'Image Information and Visual Quality', IEEE TIP 15(2), 2006; its pixel-domain release"
OVER: Over = "picture"

WINDOWS = (17, 9, 5, 3)
"""Sides of the Gaussian windows of the four scales; the standard deviation is a fifth of the side."""
SIDE = 41
"""Pixels that the windows of all scales need."""
NOISE = 2.0
"""Variance of the visual noise for levels of 0..255."""
TINY = 1e-10


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the pixel-domain VIF of (C, H, W) in [0, 1], the mean over its bands; 1 for equal pictures.

    0 when nothing of the target is left, above 1 when contrast was added. Not symmetric. Any number of bands. Raises
    UserError as Protocol.apply, for pictures under 41x41 pixels after the crop and for a flat band of the target,
    which holds no information, unless it is met exactly.
    """
    return fidelity(*compared("vifp", prediction, target, protocol, colours, SIDE))


def fidelity(ours: Floats, theirs: Floats) -> float:
    """Return the VIF of (C, H, W) whose visual noise has the variance `NOISE`, the mean over the bands."""
    return float(np.mean([_of_band(*band, number) for number, band in enumerate(zip(ours, theirs, strict=True))]))


def _of_band(ours: Floats, theirs: Floats, number: int) -> float:
    if np.array_equal(ours, theirs):
        return 1.0
    # variances do not depend on the mean, but they lose digits with it
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    kept = total = 0.0
    for scale, side in enumerate(WINDOWS):
        window = gaussian(side, side / 5)
        if scale:
            ours, theirs = (smooth(pixels, window)[::2, ::2] for pixels in (ours, theirs))
        of_scale = _information(ours, theirs, window)
        kept, total = kept + of_scale[0], total + of_scale[1]
    if not total:
        raise UserError(f"target: band {number} is flat, so that it holds no information to be kept; leave it out")
    return kept / total


def _information(ours: Floats, theirs: Floats, window: Floats) -> tuple[float, float]:
    """Return how much of the target's information one scale keeps, and how much there is, in nats."""
    _, _, our_variance, their_variance, covariance = moments(ours, theirs, window)
    textured = (their_variance >= TINY) & (our_variance >= TINY) & (covariance > 0)
    gain = np.where(textured, covariance / (np.maximum(their_variance, 0) + TINY), 0)
    distortion = np.maximum(our_variance - gain * covariance, TINY)
    signal = np.where(their_variance >= TINY, their_variance, 0)
    kept = np.log1p(gain**2 * signal / (distortion + NOISE)).sum()
    return float(kept), float(np.log1p(signal / NOISE).sum())
