"""The interval of a plain list of numbers: scores of pictures, or paired differences of two methods on them."""

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossbench.errors import UserError
from lossbench.statistics import intervals
from lossbench.statistics.bootstrap import Interval

LEAST, MOST = 100, 10_000_000
"""Resamples that are taken."""
BEYOND = 2
"""Resamples beyond each end of the interval at least, or the end is of none of them."""
SMALLEST, LARGEST = 1e-100, 1e100
"""Of the values by their amount, so that their squares are numbers too."""
_FORM = "give numbers, one a picture, or one list of them a seed"


def interval(
    values: ArrayLike | Sequence[ArrayLike], level: float = 0.95, resamples: int = 10_000, generator_seed: int = 0
) -> Interval:
    """Return the mean of `values` with its interval at `level`.

    `values` are numbers, one a picture: scores, or paired differences of two methods on the same pictures. Several
    seeds are several such lists of the same length, (seeds, pictures), and their noise enters the interval; of one seed
    it covers other pictures alone, as `method` says. Several test sets are arrays (seeds, pictures), one each, whose
    means are averaged. The same input gives the same interval (see `intervals.interval`).

    Raises UserError for no numbers or a single one, lists of unlike lengths, what is no number, NaN, infinity and
    masked entries, a level that is not between 0 and 1, too few resamples for it, and a seed that is no whole number.
    """
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 < level < 1:
        raise UserError(f"level: {level!r:.60} is not between 0 and 1; give a share such as 0.95")
    least = max(LEAST, math.ceil(2 * BEYOND / (1 - float(level))))
    drawn = _whole(resamples, "resamples")
    if not least <= drawn <= MOST:
        raise UserError(f"resamples: {drawn} for the level {level}; give {least} to {MOST}, or a lower level")
    return intervals.interval(_sets(values), float(level), drawn, _whole(generator_seed, "generator_seed"))


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise UserError(f"{name}: {value!r:.60} is no whole number from 0; give one such as 1000")
    return int(value)


def _sets(values: Any) -> list[NDArray[np.float64]]:
    """Return an array (seeds, pictures) for each set; see `interval`."""
    # of these Python gives keys, an order of its own, or bytes
    unordered = isinstance(values, Mapping | Set | bytes | bytearray | str) or hasattr(values, "columns")
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise UserError(f"values: {type(values).__name__} is no list of numbers; {_FORM}")
    _check_mask(values)
    entries = list(values)
    if not entries:
        raise UserError("values: none; give two or more numbers, one a picture")
    arrays = [_numbers(entry) for entry in entries]
    dimensions = {array.ndim for array in arrays}
    if len(dimensions) > 1:
        raise UserError("values: numbers beside lists; give one number a picture, or one list of them a seed")
    if dimensions == {0}:
        return _checked([np.array(arrays)[None]])
    if dimensions == {1}:
        lengths = sorted({len(array) for array in arrays})
        if len(lengths) > 1:
            raise UserError(f"values: seeds of {' and '.join(map(str, lengths))} pictures; give the same pictures each")
        return _checked([np.array(arrays)])
    if dimensions != {2}:
        raise UserError(f"values: lists within lists {max(dimensions) + 1} deep; {_FORM}")
    return _checked(arrays)


def _checked(sets: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return `sets`, arrays (seeds, pictures); raises UserError where they have no interval."""
    if any(one.size == 0 for one in sets):
        raise UserError(f"values: a list without numbers; {_FORM}")
    if not all(np.isfinite(one).all() for one in sets):
        raise UserError("values: NaN or infinity among them; leave the picture out, in all seeds")
    if len({len(one) for one in sets}) > 1:
        raise UserError(f"values: sets of {[len(one) for one in sets]} seeds; give the seeds that all have")
    if len(sets[0]) == 1 and all(one.shape[1] == 1 for one in sets):
        raise UserError("values: one number; an interval needs two or more")
    largest = max(float(np.abs(one).max()) for one in sets)
    if largest and not SMALLEST <= largest <= LARGEST:
        raise UserError(f"values: {largest:g} is the largest amount, not {SMALLEST} to {LARGEST}; give another unit")
    return sets


def _numbers(entry: object) -> NDArray[np.float64]:
    _check_mask(entry)
    try:
        array = np.asarray(entry)
        if isinstance(entry, Mapping | Set) or hasattr(entry, "columns") or array.dtype.kind not in "iufb":
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError):
        raise UserError(f"values: {entry!r:.60} is no number; give numbers, one a picture") from None


def _check_mask(values: object) -> None:
    """Raise UserError where a masked array, or a list of its entries, hides some, whose values would be taken."""
    # numpy makes zero of a masked entry in a list
    each = values if isinstance(values, list | tuple) else (values,)
    if any(isinstance(one, np.ma.MaskedArray) and np.ma.is_masked(one) for one in each):
        raise UserError("values: some are masked; leave their pictures out, in all seeds, and give the others unmasked")
