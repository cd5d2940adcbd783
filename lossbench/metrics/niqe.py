"""NIQE, a distance of the picture's local statistics from those of 125 pristine photographs; needs no target."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gamma

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics._windows import gaussian
from lossbench.resize import resize_bicubic

better: Better = "down"
unit = ""
needs_target = False
colours: tuple[Colour, ...] = ("y601", "y601_rounded", "gray")
SOURCE = "Mittal, Soundararajan, Bovik, 'Making a Completely Blind Image Quality Analyzer', IEEE SPL 20(3), 2013"
OVER: Over = "picture"

PRISTINE = Path(__file__).with_suffix(".safetensors")
"""The official release's `mu_pris_param` and `cov_pris_param`, out of BasicSR (Apache-2.0: niqe.LICENSE.txt)."""
BLOCK = 96
FEWEST_BLOCKS = 4
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

WINDOW = gaussian(7, 7 / 6)
# candidate shapes of the generalised Gaussian and the moment ratio that each one has
SHAPES = np.arange(200, 10001) / 1000
RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))


def score(prediction: Pixels, target: Pixels | None, protocol: Protocol) -> float:
    """Return the NIQE of (1 or 3, H, W) in [0, 1], unbounded above; `target` is not looked at.

    Luma is rounded to 8-bit levels whatever the protocol says, as the official release does; colour `y601` is
    BasicSR's choice, `gray` the official one. Numbers agree with BasicSR's `calculate_niqe` to 1e-3 on
    photographs, and to 1e-2 on flat or blocky pictures (mosaics, strong JPEG, painted areas). Below 37 blocks the
    picture's own covariance is singular; with 12, fifty pixels changed by a level moved the number by 0.01.
    Raises UserError for colour `rgb`, for fewer than four 96x96 blocks after the crop and for one without texture.
    """
    if protocol.colour not in colours:
        raise UserError(f"niqe is not defined for the protocol '{protocol.colour}'; use one of {', '.join(colours)}")
    luma = np.round(protocol.apply(prediction, "prediction")[0])
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    if rows * columns < FEWEST_BLOCKS:
        raise UserError(
            f"prediction: {luma.shape[0]}x{luma.shape[1]} pixels hold {rows * columns} blocks of {BLOCK}x{BLOCK}, "
            f"niqe needs {FEWEST_BLOCKS}; use pictures of 192x192 or more"
        )
    luma = luma[: rows * BLOCK, : columns * BLOCK]
    features = [_features(luma, BLOCK), _features(resize_bicubic(luma, Fraction(1, 2)), BLOCK // 2)]
    return _distance(np.concatenate(features, axis=1))


@cache
def _pristine() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (36,) and covariance (36, 36) of the pristine model of the official release."""
    from safetensors.numpy import load_file

    model = load_file(PRISTINE)
    return model["mean"], model["covariance"]


def _distance(features: NDArray[np.float64]) -> float:
    """Return equation 10 for (blocks, 36) features; flat blocks hold NaN."""
    textured = features[~np.isnan(features).any(axis=1)]
    if len(textured) < 2:
        raise UserError(f"prediction: {len(textured)} of {len(features)} blocks have texture, niqe needs 2")
    mean, covariance = _pristine()
    difference = mean - np.nanmean(features, axis=0)
    inverse = np.linalg.pinv((covariance + np.cov(textured, rowvar=False)) / 2)
    return float(np.sqrt(difference @ inverse @ difference))


def _features(luma: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Return (blocks, 18) features of one scale: the shapes and widths of equations 4 to 8."""
    height, width = luma.shape
    tiles = _normalised(luma).reshape(height // block, block, width // block, block)
    # blocks one below another first, as in the official release
    blocks = np.ascontiguousarray(tiles.transpose(2, 0, 1, 3)).reshape(-1, block, block)
    shape, left, right = _fit(blocks)
    columns = [shape, (left + right) / 2]
    for shift in NEIGHBOURS:
        shape, left, right = _fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
        columns += [shape, mean, left, right]
    return np.stack(columns, axis=1)


def _normalised(luma: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean-subtracted, contrast-normalised coefficients of equation 1."""
    mean, square = _smooth(luma), _smooth(luma**2)
    # in float32 the mean of a flat area is the area's level, so that its coefficients are zero and not noise
    spread = np.sqrt(np.abs(square - mean**2))
    coefficients: NDArray[np.float32] = (luma.astype(np.float32) - mean) / (spread + 1)
    return coefficients


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float32]:
    rows = correlate1d(values, WINDOW, axis=0, mode="nearest")
    smooth: NDArray[np.float32] = correlate1d(rows, WINDOW, axis=1, mode="nearest").astype(np.float32)
    return smooth


def _fit(blocks: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit the asymmetric generalised Gaussian to each block by moments; return shapes, left and right widths."""
    flat = blocks.reshape(len(blocks), -1)
    below, above = np.minimum(flat, 0), np.maximum(flat, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        left_energy, right_energy = (np.einsum("ij,ij->i", side, side, dtype=np.float64) for side in (below, above))
        left = np.sqrt(left_energy / np.count_nonzero(below, axis=1))
        right = np.sqrt(right_energy / np.count_nonzero(above, axis=1))
        spread = left / right
        moments = np.abs(flat).mean(axis=1, dtype=np.float64) ** 2 / ((left_energy + right_energy) / flat.shape[1])
        ratio = moments * (spread**3 + 1) * (spread + 1) / (spread**2 + 1) ** 2
        # a flat block has no ratio and takes the first shape, as in the official release
        shape = SHAPES[np.argmin(np.abs(RATIOS - ratio[:, None]), axis=1)]
    width = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * width, right * width
