"""What IFC and VIF share: target and prediction as Gaussian scale mixtures in the bands of a steerable pyramid."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lossbench.assets.optional import imported
from lossbench.metrics._protocol import Floats

SCALES, ORDER = 4, 5
VERSIONS_OF = ("pyrtools",)
ORIENTATIONS = (0, 3)
"""Those of the authors' code, of six."""
BLOCK = 3
SIDE = 72
"""Pixels that the pyramid's filters need at four scales."""
EDGE = "reflect1"
TINY = 1e-15
OWNER = "a metric of the steerable pyramid"


@dataclass(frozen=True)
class Band:
    """One band of the pyramid, block by block of 3x3 coefficients; blocks whose window crosses the border are left out.

    The prediction is modelled as gain times target plus noise; the target is a vector of variance
    `scale` times `eigenvalues`.
    """

    gain: Floats
    noise: Floats
    """Variance of what the target does not explain, at least `TINY`."""
    scale: Floats
    eigenvalues: Floats
    """Of the covariance of the target's 3x3 neighbourhoods, (9,)."""


def bands(ours: Floats, theirs: Floats) -> Iterator[Band]:
    """Yield the eight bands of two luma pictures (H, W) of 0..255; sides of at least `SIDE` pixels."""
    pyramids = [_pyramid(pixels) for pixels in (ours, theirs)]
    for place in pyramids[0]:
        ours, theirs = (pyramid[place] for pyramid in pyramids)
        rows, columns = (length - length % BLOCK for length in theirs.shape)
        ours, theirs = ours[:rows, :columns], theirs[:rows, :columns]
        window = 2 ** (SCALES - place[0]) + 1
        gain, noise = _channel(ours, theirs, window)
        scale, eigenvalues = _mixture(theirs)
        border = ceil((window - 1) / 2 / BLOCK)
        inside = slice(border, -border), slice(border, -border)
        yield Band(gain[inside], noise[inside], scale[inside], eigenvalues)


def _pyramid(luma: Floats) -> dict[tuple[int, int], Floats]:
    # imported here because it takes a second and brings matplotlib along
    pyramids = imported("pyrtools.pyramids", OWNER)

    # no band sees the mean; without it a flat picture has bands of zero and not of rounding errors
    pyramid: Any = pyramids.SteerablePyramidSpace(luma - luma.mean(), height=SCALES, order=ORDER, edge_type=EDGE)
    return {(scale, turn): pyramid.pyr_coeffs[scale, turn] for scale in range(SCALES) for turn in ORIENTATIONS}


def _channel(ours: Floats, theirs: Floats, window: int) -> tuple[Floats, Floats]:
    """Return gain and noise of every block, by regression in the window around its middle."""
    correlate = imported("pyrtools", OWNER).corrDn

    def total(values: Floats) -> Floats:
        sums: Floats = correlate(values, np.ones((window, window)), EDGE, step=(BLOCK, BLOCK), start=(1, 1))
        return sums

    count = window**2
    our_sum, their_sum = total(ours), total(theirs)
    our_energy = np.maximum(total(ours**2) - our_sum**2 / count, 0)
    their_energy = np.maximum(total(theirs**2) - their_sum**2 / count, 0)
    products = total(ours * theirs) - our_sum * their_sum / count
    explained = (their_energy >= TINY) & (our_energy >= TINY) & (products > 0)
    gain = np.where(explained, products / (their_energy + TINY), 0)
    return gain, np.maximum((our_energy - gain * products) / count, TINY)


def _mixture(target: Floats) -> tuple[Floats, Floats]:
    """Return the variance of every block of (H, W), relative to the covariance of all, and the latter's eigenvalues."""
    vectors = sliding_window_view(target, (BLOCK, BLOCK)).reshape(-1, BLOCK**2)
    eigenvalues, axes = np.linalg.eigh(np.cov(vectors, rowvar=False, bias=True))
    blocks = sliding_window_view(target, (BLOCK, BLOCK))[::BLOCK, ::BLOCK]
    # a direction in which the target does not vary carries nothing
    varied = eigenvalues > 1e-12 * eigenvalues[-1]
    components = blocks.reshape(-1, BLOCK**2) @ axes[:, varied]
    scale = (components**2 / eigenvalues[varied]).sum(axis=1) / BLOCK**2
    return scale.reshape(blocks.shape[:2]), np.where(varied, eigenvalues, 0)
