"""What a user gives the functions of this folder: ordered lists of numbers, or one line that names what is none."""

import math
from collections.abc import Iterable, Mapping, Set
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError, quoted

Array = NDArray[np.float64]

LEAST, MOST = 100, 10_000_000
"""Resamples that are taken."""
BEYOND = 2
"""Resamples beyond each end of the interval at least, or the end is of none of them."""
SMALLEST, LARGEST = 1e-100, 1e100
"""Of the values by their amount, so that their squares are numbers too."""


def entries(values: Any, owner: str, form: str) -> list[Any]:
    """Return what the list or array `values` holds, in its order; raises UserError for what is none, naming `owner`."""
    # of these Python gives keys, an order of its own, or bytes
    unordered = isinstance(values, Mapping | Set | bytes | bytearray | str) or hasattr(values, "columns")
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise UserError(f"{owner}: {type(values).__name__} is no list of numbers; {form}")
    check_mask(values, owner)
    return list(values)


def numbers(entry: Any, owner: str, form: str) -> Array:
    """Return a number, or lists or tensors of them, as an array; raises UserError for what is none, naming `owner`."""
    check_mask(entry, owner)
    given = entry
    try:
        if hasattr(entry, "detach"):
            # numpy has no bfloat16, and takes no tensor that is part of a graph
            entry = entry.detach().cpu()
            given = (entry.double() if entry.is_floating_point() else entry).numpy()
        elif isinstance(entry, list | tuple) and any(
            isinstance(e, list | tuple) or hasattr(e, "detach") for e in entry
        ):
            given = [numbers(each, owner, form) for each in entry]
        array = np.asarray(given)
        if isinstance(entry, Mapping | Set) or hasattr(entry, "columns") or array.dtype.kind not in "iufb":
            raise TypeError
        return array.astype(float)
    # torch has a RuntimeError for a tensor without numbers
    except (TypeError, ValueError, RuntimeError):
        raise UserError(f"{owner}: {quoted(entry)} is no number; {form}") from None


def check_mask(values: object, owner: str) -> None:
    """Raise UserError where a masked array, or a list of its entries, hides some, whose values would be taken."""
    # numpy makes zero of a masked entry in a list
    each = values if isinstance(values, list | tuple) else (values,)
    if any(isinstance(one, np.ma.MaskedArray) and np.ma.is_masked(one) for one in each):
        raise UserError(
            f"{owner}: some are masked; leave their pictures out, in all seeds, and give the others unmasked"
        )


def check_finite(values: Array, owner: str) -> None:
    """Raise UserError where some of `values` are no finite numbers."""
    if not np.isfinite(values).all():
        raise UserError(f"{owner}: NaN or infinity among them; leave the picture out, in all seeds")


def check_amount(largest: float, owner: str) -> None:
    """Raise UserError where the `largest` amount of some values is too small or too large to be squared."""
    if largest and not SMALLEST <= largest <= LARGEST:
        raise UserError(f"{owner}: {largest:g} is the largest amount, not {SMALLEST} to {LARGEST}; give another unit")


def whole(value: object, name: str) -> int:
    """Return a whole number from 0; raises UserError for what is none."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise UserError(f"{name}: {quoted(value)} is no whole number from 0; give one such as 1000")
    return int(value)


def checked_resamples(resamples: object, level: float) -> int:
    """Return the number of resamples; raises UserError where they are too few for an interval at `level`."""
    least = max(LEAST, math.ceil(2 * BEYOND / (1 - level)))
    drawn = whole(resamples, "resamples")
    if not least <= drawn <= MOST:
        raise UserError(f"resamples: {drawn} for the level {level}; give {least} to {MOST}, or a lower level")
    return drawn
