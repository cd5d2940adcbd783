"""Structural similarity in Gaussian windows inside the picture, by products with banded matrices.

A product costs more operations than the eleven of a window, yet a tenth of their time: it runs at the rate of matrix
multiplication. Tiles keep what is read again in the cache, and each product so small that no library of linear algebra
gives it to several threads, by which sums would be taken in another order.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from lossbench.metrics._protocol import Floats
from lossbench.metrics._windows import gaussian

WINDOW, SIGMA = 11, 1.5
"""Side of the Gaussian window and its standard deviation, in pixels."""
REACH = WINDOW - 1
"""Pixels that a side loses to the window."""
PEAK = 255
LUMINANCE, CONTRAST = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
"""The constants of equation 13 of Wang et al. 2004."""
ROWS, COLUMNS, BLOCK = 16, 512, 16
"""Windows of a tile, down and across, and windows across of one product."""


def similarity(ours: Floats, theirs: Floats, with_luminance: bool = True) -> Floats:
    """Return contrast and structure of (C, H, W) in 0..255, the mean over all windows of each band, (C,), at most 1.

    With luminance it is the SSIM. Exactly 1 for equal bands, symmetric to the bit, and the same under any number of
    threads.
    """
    _, height, width = ours.shape
    sums = np.zeros(len(ours))
    for top in range(0, height - REACH, ROWS):
        for left in range(0, width - REACH, COLUMNS):
            tile = np.s_[top : top + ROWS + REACH, left : left + COLUMNS + REACH]
            for band, (first, second) in enumerate(zip(ours, theirs, strict=True)):
                sums[band] += _of_tile(first[tile], second[tile], with_luminance)
    sums /= (height - REACH) * (width - REACH)
    return sums


def _of_tile(ours: Floats, theirs: Floats, with_luminance: bool) -> float:
    """Return the sum of the similarities of all windows inside (H, W)."""
    # of sum and difference: four maps instead of five, and a difference of zero stays exactly that
    values = np.empty((4, *ours.shape))
    np.add(ours, theirs, out=values[0])
    np.subtract(ours, theirs, out=values[1])
    np.square(values[:2], out=values[2:])
    smoothed = _smooth(values)
    means, variances = np.square(smoothed[:2], out=smoothed[:2]), smoothed[2:]
    variances -= means
    above, below = _share(variances, CONTRAST)
    if with_luminance:
        for factor, other in zip((above, below), _share(means, LUMINANCE), strict=True):
            factor *= other
    above /= below
    return float(above.sum())


def _share(maps: Floats, constant: float) -> tuple[Floats, Floats]:
    """Return numerator and denominator of a factor, both doubled, from (2, H, W) of the sum and of the difference."""
    above, below = maps[0] - maps[1], maps[0] + maps[1]
    above += 2 * constant
    below += 2 * constant
    return above, below


def _smooth(values: Floats) -> Floats:
    """Return the weighted means of (N, H, W) in all windows inside it, (N, H - 10, W - 10)."""
    count, height, width = values.shape
    height, width = height - REACH, width - REACH
    down = DOWN[:height, : height + REACH] @ values
    means = np.empty((count, height, width))
    blocks, rest = divmod(width, BLOCK)
    if blocks:
        plane, row, pixel = down.strides
        overlapping = as_strided(
            down, (count, blocks, height, BLOCK + REACH), (plane, BLOCK * pixel, row, pixel), writeable=False
        )
        whole = means[..., : blocks * BLOCK].reshape(count, height, blocks, BLOCK).swapaxes(1, 2)
        np.matmul(overlapping, ACROSS, out=whole)
    if rest:
        np.matmul(down[..., blocks * BLOCK :], ACROSS[: rest + REACH, :rest], out=means[..., blocks * BLOCK :])
    return means


def _banded(windows: int) -> Floats:
    """Return the matrix (windows, windows + 10) whose product with a column of pixels smooths it."""
    weights = gaussian(WINDOW, SIGMA)
    matrix = np.zeros((windows, windows + REACH))
    for window in range(windows):
        matrix[window, window : window + WINDOW] = weights
    return matrix


DOWN, ACROSS = _banded(ROWS), np.ascontiguousarray(_banded(BLOCK).T)
