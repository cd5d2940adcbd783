"""Universal quality index: correlation, luminance and contrast in 8x8 windows."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded")
SOURCE = "Wang, Bovik, 'A Universal Image Quality Index', IEEE SPL 9(3), 2002, equation 1, 8x8 windows one pixel apart"
OVER: Over = "picture"

WINDOW = 8
PIXELS = WINDOW**2
FLAT = 1e-12
"""Share of a window's energy below which its variance is the rounding of floats; of whole levels it is exact."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean index of (C, H, W) in [0, 1] over windows and bands, -1 to 1, 1 for equal pictures; symmetric.

    Any number of bands. All windows lie inside the picture. Where both pictures are flat only the luminance term
    counts, and two black windows are equal, as in the authors' code. Libraries differ: sewar's is `uqi_sewar`, and
    torchmetrics' scores 0.86 for equal pictures. Raises UserError as Protocol.apply, and for pictures under 8x8 pixels
    after the crop.
    """
    ours, theirs = compared("uqi", prediction, target, protocol, colours, WINDOW)
    first, second = sums(ours), sums(theirs)
    product, energy = first * second, first**2 + second**2
    covariance = PIXELS * sums(ours * theirs) - product
    spread = PIXELS * (sums(ours**2) + sums(theirs**2)) - energy
    flat, black = spread <= FLAT * energy, energy == 0
    luminance = np.where(black, 1, 2 * product / np.where(black, 1, energy))
    return float(np.mean(np.where(flat, 1, 2 * covariance / np.where(flat, 1, spread)) * luminance))


def sums(values: Floats) -> Floats:
    """Return the sums of (C, H, W) over all 8x8 windows inside it, (C, H - 7, W - 7); exact for whole levels."""
    # doubling is exact for equal values, so that a flat window has no variance; running sums would drift
    for step in (1, 2, 4):
        values = values[:, :-step] + values[:, step:]
    for step in (1, 2, 4):
        values = values[..., :-step] + values[..., step:]
    return values
