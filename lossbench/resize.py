"""Bicubic resizing with the numbers of MATLAB's `imresize`, and the crop that makes sizes divisible."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.images import largest

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def resize_bicubic(image: NDArray[Any], scale: Fraction | float, size: tuple[int, int] | None = None) -> NDArray[Any]:
    """Resize (H, W) or (H, W, C) by `scale` (output over input) with the bicubic kernel, rows first, then columns.

    Keys' kernel with a = -0.5 (IEEE TASSP 29, 1981), widened by 1 / scale when shrinking (antialiasing), half-sample
    symmetric border, output size ceil(scale * size). `size` (height, width) replaces that output size and leaves the
    sampling positions as they are. Unsigned integers are rounded and clamped after each of the two passes, as MATLAB
    does; floats of any range stay floats of the same type and may overshoot by the kernel's negative lobes.
    MATLAB releases that made the older test sets (Set5, Set14, BSD100) repeat the border pixel instead: pad by
    4 / scale pixels with `numpy.pad(mode="edge")`, resize, and crop the padding to get their bytes.

    Raises UserError for another number of axes, an empty image, another type or a scale that is not positive.
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise UserError(f"image: shape {image.shape} is not (H, W) or (H, W, C); give one picture")
    if image.dtype.kind not in "uf":
        raise UserError(f"image: {image.dtype} values; convert to unsigned integers or floats")
    if not (isfinite(scale) and scale > 0):
        raise UserError(f"scale: {scale} is not a positive number")
    ratio = float(scale)
    # a product such as 0.1 * 30 must not gain a row by its last bit
    height, width = size or (ceil(length * ratio - 1e-9) for length in image.shape[:2])
    resized = image
    for axis, length in ((0, height), (1, width)):
        resized = _as_type(_along(resized, axis, _weights(image.shape[axis], length, ratio)), image.dtype)
    return np.ascontiguousarray(resized)


def crop_to_multiple(image: NDArray[Any], multiple: int) -> NDArray[Any]:
    """Cut (H, W, ...) at the bottom and right so that both sides are divisible by `multiple`; returns a view.

    Raises UserError when nothing would be left.
    """
    height, width = (length - length % multiple for length in image.shape[:2])
    if not (height and width):
        raise UserError(f"image: {image.shape[0]}x{image.shape[1]} pixels cannot be cut to a multiple of {multiple}")
    return image[:height, :width]


def _along(image: NDArray[Any], axis: int, weights: csr_array) -> NDArray[Any]:
    moved = np.moveaxis(image, axis, 0)
    mixed = weights @ moved.reshape(moved.shape[0], -1).astype(np.float64)
    return np.moveaxis(mixed.reshape(-1, *moved.shape[1:]), 0, axis)


def _as_type(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    # halves go up, as in MATLAB; numpy.round would send them to the even neighbour
    return np.clip(np.floor(values + 0.5), 0, largest(dtype)).astype(dtype)


@lru_cache(maxsize=256)
def _weights(before: int, after: int, scale: float) -> csr_array:
    """Return the (after, before) matrix that resizes one axis; each row sums to 1."""
    from scipy.sparse import csr_array

    shrink = min(scale, 1.0)
    centres = (np.arange(after) + 0.5) / scale - 0.5
    first = np.floor(centres - 2 / shrink).astype(np.int64)
    taps = first[:, None] + np.arange(ceil(4 / shrink) + 2)
    weights = _cubic((centres[:, None] - taps) * shrink)
    weights /= weights.sum(axis=1, keepdims=True)
    reflected = taps % (2 * before)
    reflected = np.where(reflected < before, reflected, 2 * before - 1 - reflected)
    rows = np.repeat(np.arange(after), taps.shape[1])
    matrix = csr_array((weights.ravel(), (rows, reflected.ravel())), shape=(after, before))
    matrix.eliminate_zeros()
    return matrix


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(distance)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
