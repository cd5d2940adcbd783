"""Multispectral (MS) and panchromatic (PAN) files of satellites: decoded strictly, stretched to the whole range."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.datasets._matlab import read_variable
from lossbench.errors import UserError

Pixels = NDArray[Any]

EIGHT_TO_FOUR = (1, 2, 4, 6)
"""Blue, green, red, near infrared 1 among WorldView's coastal, blue, green, yellow, red, red edge and two infrared."""

KEYS = {"ms": ("gt", "ms"), "pan": ("pan",)}
"""What the MS of the target's size and the PAN are called in .mat and .h5 files; the first one found counts."""


def read_mat(path: Path, role: str) -> Pixels:
    """Return the `role` (`ms`, `pan`) of a MATLAB file of any version as (H, W, bands).

    Raises UserError naming the file when it is missing, truncated or holds no array of the names `KEYS`.
    """
    *preferred, last = KEYS[role]
    for key in preferred:
        # the last name tells whether the file or just this array is at fault
        with suppress(UserError):
            return np.atleast_3d(read_variable(path, key))
    return np.atleast_3d(read_variable(path, last))


def read_stack(path: Path, role: str, index: int) -> Pixels:
    """Return picture `index` of the `role` (`ms`, `pan`) of an HDF5 file of (N, bands, H, W), as (H, W, bands).

    Raises UserError naming the file when it is missing, truncated or holds no array of the names `KEYS`.
    """
    with _hdf5(path, role) as array:
        return np.ascontiguousarray(array[index].transpose(1, 2, 0))


def stack_shape(path: Path, role: str) -> tuple[int, ...]:
    """Return (N, bands, H, W) of the `role` of an HDF5 file without reading it; raises UserError as `read_stack`."""
    with _hdf5(path, role) as array:
        shape: tuple[int, ...] = array.shape
        return shape


def four_bands(pixels: Pixels, path: Path) -> Pixels:
    """Return blue, green, red and near infrared of (H, W, 4 or 8); raises UserError for another number of bands."""
    if pixels.shape[-1] == 8:
        return np.ascontiguousarray(pixels[..., EIGHT_TO_FOUR])
    if pixels.shape[-1] != 4:
        raise UserError(f"{path}: {pixels.shape[-1]} bands; give 4 (blue, green, red, near infrared) or WorldView's 8")
    return pixels


def stretched(pixels: Pixels, bits: int, path: Path) -> Pixels:
    """Return 8-bit pixels as they are, and values of 0 to 2**bits - 1 stretched to the whole range of uint16.

    Raises UserError for values beyond that range, and for NaN.
    """
    if pixels.dtype == np.uint8:
        return pixels
    largest = 2**bits - 1
    low, high = float(pixels.min()), float(pixels.max())
    # a comparison with NaN is false
    if not (low >= 0 and high <= largest):
        raise UserError(f"{path}: {pixels.dtype} values {low:g} to {high:g} are not {bits}-bit (0 to {largest})")
    spread: Pixels = np.rint(pixels * (65535 / largest)).astype(np.uint16)
    return spread


@contextmanager
def _hdf5(path: Path, role: str) -> Iterator[Any]:
    """Give the array of the `role` of an HDF5 file."""
    h5py = imported("h5py", path.name)
    try:
        with h5py.File(path, "r") as file:
            yield file[_key(path, role, file)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{path} is not readable ({error}); replace or remove the file") from None


def _key(path: Path, role: str, content: Any) -> str:
    for key in KEYS[role]:
        if key in content:
            return key
    found = ", ".join(sorted(content)) or "nothing"
    raise UserError(f"{path} holds {found}, not '{KEYS[role][0]}'; give files of reduced resolution with ground truth")
