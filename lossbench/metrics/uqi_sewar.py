"""The universal quality index as the library sewar computes it, with its error."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics.uqi import PIXELS, WINDOW, sums

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "sewar 0.4.10 `uqi`, after Wang, Bovik, IEEE SPL 9(3), 2002, but with means where the formula has sums"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return sewar's index of (C, H, W) in [0, 1], at most 1, 1 for equal pictures; any number of bands, symmetric.

    The defect: with N pixels in a window, N sum(xy) - sum(x) sum(y) is N^2 times the covariance. sewar puts the means
    in the place of the sums and keeps the N, so that N mean(xy) - mean(x) mean(y) remains, in which the luminance,
    63 / 64 of it, drowns the covariance: values crowd near 1. The UQI column of the paper on robust perceptual losses
    fits this one (0.97 where `uqi` has 0.6). The last row and column of windows are left out, as in sewar.
    Raises UserError as Protocol.apply, and for pictures under 9x9 pixels after the crop.
    """
    ours, theirs = compared("uqi_sewar", prediction, target, protocol, colours, WINDOW + 1)
    first, second, squares, products = (
        sums(values)[:, :-1, :-1] / PIXELS for values in (ours, theirs, ours**2 + theirs**2, ours * theirs)
    )
    luminance = first**2 + second**2
    denominator = (PIXELS * squares - luminance) * luminance
    numerator = 4 * (PIXELS * products - first * second) * first * second
    black = denominator == 0
    return float(np.mean(np.where(black, 1, numerator / np.where(black, 1, denominator))))
