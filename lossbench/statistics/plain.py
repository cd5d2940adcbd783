"""The interval of a plain list of numbers: scores of pictures, or paired differences of two methods on them."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossbench.errors import UserError, quoted
from lossbench.statistics import intervals
from lossbench.statistics.bootstrap import Interval
from lossbench.statistics.given import check_amount, check_finite, checked_resamples, entries, numbers, whole

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
        raise UserError(f"level: {quoted(level)} is not between 0 and 1; give a share such as 0.95")
    drawn = checked_resamples(resamples, float(level))
    return intervals.interval(_sets(values), float(level), drawn, whole(generator_seed, "generator_seed"))


def _sets(values: Any) -> list[NDArray[np.float64]]:
    """Return an array (seeds, pictures) for each set; see `interval`."""
    given = entries(values, "values", _FORM)
    if not given:
        raise UserError("values: none; give two or more numbers, one a picture")
    arrays = [numbers(entry, "values", "give numbers, one a picture") for entry in given]
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
    for one in sets:
        check_finite(one, "values")
    if len({len(one) for one in sets}) > 1:
        raise UserError(f"values: sets of {[len(one) for one in sets]} seeds; give the seeds that all have")
    if len(sets[0]) == 1 and all(one.shape[1] == 1 for one in sets):
        raise UserError("values: one number; an interval needs two or more")
    check_amount(max(float(np.abs(one).max()) for one in sets), "values")
    return sets
