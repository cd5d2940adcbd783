"""The interval of a plain list of numbers: scores of pictures, or paired differences of two methods on them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossbench.errors import UserError
from lossbench.statistics import intervals
from lossbench.statistics.bootstrap import Interval


def interval(
    values: ArrayLike | Sequence[ArrayLike], level: float = 0.95, resamples: int = 10_000, generator_seed: int = 0
) -> Interval:
    """Return the mean of `values` with its interval at `level`.

    `values` are numbers, one a picture: scores, or paired differences of two methods on the same pictures. Several
    seeds are several such lists of the same length, (seeds, pictures), and their noise enters the interval; of one seed
    it covers other pictures alone, as `method` says. Several test sets are arrays (seeds, pictures), one each, whose
    means are averaged. The same input gives the same interval (see `intervals.interval`).

    Raises UserError for no numbers or a single one, lists of unlike lengths, what is no number, NaN and infinity, and a
    level that is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UserError(f"level: {level} is not between 0 and 1; give a share such as 0.95")
    return intervals.interval(_sets(values), level, resamples, generator_seed)


def _sets(values: Any) -> list[NDArray[np.float64]]:
    entries = list(values)
    if not entries:
        raise UserError("values: none; give two or more numbers, one a picture")
    arrays = [_numbers(entry) for entry in entries]
    dimensions = {array.ndim for array in arrays}
    if len(dimensions) > 1:
        raise UserError("values: numbers beside lists; give one number a picture, or one list of them a seed")
    if dimensions == {0}:
        if len(arrays) == 1:
            raise UserError("values: one number; an interval needs two or more")
        return [np.array(arrays)[None]]
    if dimensions == {1}:
        lengths = sorted({len(array) for array in arrays})
        if len(lengths) > 1:
            raise UserError(f"values: seeds of {' and '.join(map(str, lengths))} pictures; give the same pictures each")
        return [np.array(arrays)]
    return arrays


def _numbers(entry: object) -> NDArray[np.float64]:
    try:
        array = np.asarray(entry)
        if array.dtype.kind not in "iufb":
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError):
        raise UserError(f"values: {entry!r:.60} is no number; give numbers, one a picture") from None
