"""Images that a loss restores perfectly: left out of means and intervals, counted in ranks, named, never in silence."""

import math

import numpy as np
import pandas as pd
import pytest

from lossbench.statistics.comparison import compared, left_out
from lossbench.statistics.intervals import companions, interval
from pipeline.outputs.scores import Paired, differences, paired

IMAGES = tuple("abcdef")
GAINS = np.array([[0.1, 0.3, -0.2, 0.5, 0.4, 0.2], [0.2, 0.2, -0.1, 0.6, 0.3, 0.1]])


def scores(ours: dict[int, list[float]], theirs: dict[int, list[float]]) -> pd.DataFrame:
    """Return the PSNR of the images of one cell by seed, under two losses."""
    same = {"column": "x2", "network": "net", "metric": "psnr", "test_set": "set5"}
    return pd.DataFrame(
        [
            {**same, "loss": loss, "seed": seed, "image": image, "value": value}
            for loss, by_seed in (("ours", ours), ("theirs", theirs))
            for seed, values in by_seed.items()
            for image, value in zip(IMAGES, values, strict=False)
        ]
    )


def test_equal_infinities_differ_by_nothing_and_keep_their_seed() -> None:
    seeds = {0: [math.inf, 31.0, 32.0], 1: [30.0, 31.0, 33.0]}
    (found,) = differences(
        scores(seeds, {0: [math.inf, 30.0, 30.0], 1: [29.0] * 3}), "psnr", "ours", "theirs", ["x2"], ["net"]
    )
    assert found.tolist() == [[0.0, 1.0, 2.0], [1.0, 2.0, 4.0]]


def test_a_seed_that_one_loss_lacks_is_left_out_as_before() -> None:
    (found,) = differences(
        scores({0: [1.0, 2.0], 1: [3.0, 4.0]}, {1: [3.0, 3.0]}), "psnr", "ours", "theirs", ["x2"], ["net"]
    )
    assert found.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("sign", [1, -1])
def test_finite_differences_are_compared_as_they_are(sign: int) -> None:
    found = compared([Paired("set5", IMAGES, GAINS)], sign)
    assert found is not None
    assert (found.bounds, found.tests, found.note) == (interval([GAINS]), companions([sign * GAINS]), "")


def test_a_perfect_picture_counts_in_ranks_and_is_left_out_of_the_interval() -> None:
    values = GAINS.copy()
    values[1, 2] = math.inf
    found = compared([Paired("set5", IMAGES, values)])
    assert found is not None
    rest = np.delete(GAINS, 2, axis=1)
    assert found.bounds == interval([rest])
    assert (found.tests.improved, found.tests.shift) == (1.0, companions([rest]).shift)
    # the largest of six ranks, all in favour: two sided 2 / 2^6
    assert found.tests.wilcoxon_p == pytest.approx(2 / 64)
    assert found.note == (
        "1 picture has no finite difference (set5 c): the mean over all pictures is +infinite, the interval is of "
        "the others"
    )
    lost = compared([Paired("set5", IMAGES, -values)])
    assert lost is not None and lost.tests.improved == 0 and "is -infinite" in lost.note


def test_infinities_of_both_signs_leave_the_mean_undefined() -> None:
    values = GAINS.copy()
    values[0, 0], values[0, 1] = math.inf, -math.inf
    found = compared([Paired("set5", IMAGES, values)])
    assert found is not None and found.bounds.n_images == 4
    assert (
        "2 pictures have no finite difference (set5 a, set5 b): the mean over all pictures is undefined" in found.note
    )


def test_infinities_that_meet_in_one_picture_are_named() -> None:
    frame = scores({0: [math.inf, 31.0, 32.0]}, {0: [30.0] * 3})
    other = scores({0: [31.0] * 3}, {0: [math.inf, 30.0, 30.0]}).assign(network="other")
    (found,) = paired(pd.concat([frame, other]), "psnr", "ours", "theirs", ["x2"], ["net", "other"])
    assert np.isnan(found.values[0, 0]) and found.values[0, 1:].tolist() == [1.0, 1.5]
    comparison = compared([found])
    assert comparison is not None and "(set5 a): the mean over all pictures is undefined" in comparison.note


def test_without_a_finite_difference_there_is_nothing_but_the_reason() -> None:
    sets = [Paired("set5", IMAGES, np.full((2, 6), math.inf))]
    assert compared(sets) is None
    assert left_out(sets).startswith("6 pictures have no finite difference (set5 a, ")


def test_many_pictures_are_counted_and_some_named() -> None:
    names = tuple(f"{number:02}" for number in range(12))
    assert "(set5 00, set5 01, " in (said := left_out([Paired("set5", names, np.full((1, 12), math.inf))]))
    assert said.startswith("12 pictures") and "set5 09 and 2 more)" in said and "set5 10" not in said
