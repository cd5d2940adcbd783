"""GMSD: how much the similarity of the gradients varies over the picture, at half size."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "Xue, Zhang, Mou, Bovik, 'Gradient Magnitude Similarity Deviation', IEEE TIP 23(2), 2014, equations 4 and 6"
OVER: Over = "picture"

CONSTANT = 170
"""T of equation 4 for levels of 0..255; the paper's 0.0026 is the same for [0, 1]."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the GMSD of (1 or 3, H, W) in [0, 1], 0 for equal pictures; symmetric.

    Luma in whole levels, the mean of 2x2 pixels and then every second pixel, as in the authors' code, which this
    equals to 3e-6; code that does not round luma differs by up to 3e-4. An odd side is continued by a row of zeros,
    as there. Raises UserError as Protocol.apply, and for pictures under 5x5 pixels after the crop.
    """
    ours, theirs = compared("gmsd", prediction, target, protocol, colours, 5)
    return deviation(halved(ours), halved(theirs))


def deviation(ours: Floats, theirs: Floats) -> float:
    """Return equation 6 for (C, H, W) of 0..255, one standard deviation over all bands."""
    first, second = _gradient(ours), _gradient(theirs)
    similarity = (2 * first * second + CONSTANT) / (first**2 + second**2 + CONSTANT)
    return float(np.std(similarity, ddof=1))


def halved(pixels: Floats) -> Floats:
    """Return the means of 2x2 pixels of (C, H, W), sides rounded up."""
    _, height, width = pixels.shape
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)))
    rows = pixels[:, ::2] + pixels[:, 1::2]
    means = rows[..., ::2] + rows[..., 1::2]
    means /= 4
    return means


def _gradient(pixels: Floats) -> Floats:
    """Return the length of the Prewitt gradient, with zeros around the picture, as if it were over a black ground."""
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    across = padded[..., :-2] - padded[..., 2:]
    down = padded[:, :-2] - padded[:, 2:]
    horizontal = across[:, :-2] + across[:, 1:-1] + across[:, 2:]
    vertical = down[..., :-2] + down[..., 1:-1] + down[..., 2:]
    return np.sqrt(horizontal**2 + vertical**2) / 3
