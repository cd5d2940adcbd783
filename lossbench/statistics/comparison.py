"""Two losses compared on the same images: interval and tests, and what becomes of images that one restores perfectly.

An image without a finite difference has a place in ranks and counts, not in a mean: the interval leaves it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossbench.statistics.bootstrap import Interval
from lossbench.statistics.intervals import Companions, companions, interval
from lossbench.statistics.neighbours import Layout
from lossbench.statistics.seed_noise import SeedNoise

Floats = NDArray[np.float64]

LISTED = 10
"""Images named in a note; of further ones the number is told."""


class Paired(NamedTuple):
    """Differences of two losses on the same images of one test set."""

    test_set: str
    images: tuple[str, ...]
    values: Floats
    """(seeds, images); infinite where an image is perfect under one of the losses alone, NaN where infinities meet."""
    layout: Layout | None = None
    """Row and column of each image where all are tiles of a scene."""


@dataclass(frozen=True)
class Comparison:
    """What the images with a finite difference say of its mean, and all images of its direction."""

    finite: list[Floats]
    """One array (seeds, images) a test set, without the images that are left out."""
    layouts: list[Layout | None]
    """How the images of each of them lie beside each other in a scene; None where they are independent."""
    bounds: Interval
    tests: Companions
    note: str
    """Which images are left out, and what they make of the mean; empty where none is."""


def compared(sets: Sequence[Paired], sign: int = 1, noise: SeedNoise | None = None) -> Comparison | None:
    """Return the comparison; None where fewer than two images, or seeds, have a finite difference.

    `noise` is what other runs say of the seeds'. `sign` is -1 where less is better: tests then count in favour of the
    loss, the interval stays in the metric's direction.
    """
    finite, layouts, _, note = _finite(sets)
    if not any(array.shape[1] > 1 or array.shape[0] > 1 for array in finite):
        return None
    bounds = interval(finite, noise=noise, layouts=layouts)
    tests = companions([sign * array for array in finite])
    if note:
        # the shift is in the metric's unit, so that it needs finite differences
        tests = replace(companions([sign * array for array in _ranked(sets)]), shift=tests.shift)
    return Comparison(finite, layouts, bounds, tests, note)


def improved(sets: Sequence[Paired]) -> float:
    """Return the share of images on which the mean difference over seeds is above 0, of infinite ones too."""
    return float(np.mean(np.concatenate([one.mean(axis=0) for one in _ranked(sets)]) > 0))


def infinite(sets: Sequence[Paired]) -> str:
    """Name the images that have no finite difference; empty where all have one."""
    return _finite(sets)[2]


def left_out(sets: Sequence[Paired]) -> str:
    """Say which images have no finite difference; empty where all have one."""
    return _finite(sets)[3]


def _finite(sets: Sequence[Paired]) -> tuple[list[Floats], list[Layout | None], str, str]:
    finite: list[Floats] = []
    layouts: list[Layout | None] = []
    names: list[str] = []
    values_left: list[float] = []
    for test_set, images, values, layout in sets:
        kept = np.atleast_1d(np.isfinite(values).all(axis=0))
        # in the memory order of the whole array, by which sums round
        finite += [values if kept.all() else np.ascontiguousarray(values[:, kept])] if kept.any() else []
        left = None if layout is None else tuple(place for place, stays in zip(layout, kept, strict=True) if stays)
        layouts += [left] if kept.any() else []
        names += [f"{test_set} {image}".strip() for image, stays in zip(images, kept, strict=True) if not stays]
        values_left += values[~np.isfinite(values)].tolist()
    if not names:
        return finite, layouts, "", ""
    mean = "undefined" if len(set(values_left)) > 1 or np.isnan(values_left[0]) else f"{values_left[0]:+}inite"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    plural = "s have" if len(names) > 1 else " has"
    named = f"{len(names)} picture{plural} no finite difference ({', '.join(names[:LISTED])}{more})"
    note = f"{named}: the mean over all pictures is {mean}, the interval is of the others"
    return finite, layouts, named, note


def _ranked(sets: Sequence[Paired]) -> list[Floats]:
    """Return finite differences of the same signs and ranks; in a mean, an infinite one outweighs all finite ones."""
    sizes = np.concatenate([np.abs(one.values[np.isfinite(one.values)]) for one in sets])
    beyond = 2.0 * sum(one.values.size for one in sets) * (1.0 + sizes.max(initial=0.0))
    return [np.nan_to_num(one.values, nan=0.0, posinf=beyond, neginf=-beyond) for one in sets]
