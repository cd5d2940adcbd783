"""The front of two metrics: planted places are found, equals are not told apart, and errors stay below their rate."""

from typing import Literal

import numpy as np
import pytest

from lossbench.errors import UserError
from lossbench.statistics.bootstrap import Array
from lossbench.statistics.front import Scores, front

BETTER: dict[str, Literal["up", "down"]] = {"psnr": "up", "distance": "down"}


def scores(places: dict[str, tuple[float, float]], seed: int, noise: float = 0.02) -> Scores:
    """Return scores of 3 seeds and 40 images around the `places`, images and their noise shared by the methods."""
    generator = np.random.default_rng(seed)
    images = generator.normal(0, 1, (1, 40))

    def drawn(mean: float) -> Array:
        return mean + images + generator.normal(0, noise, (3, 1)) + generator.normal(0, noise, (3, 40))

    return {name: {"psnr": drawn(psnr), "distance": drawn(distance)} for name, (psnr, distance) in places.items()}


def test_planted_places_are_found() -> None:
    places = {
        "sharp": (0.0, -1.0),
        "smooth": (1.0, 0.0),
        "between": (0.6, -0.6),
        "worse": (0.3, 0.5),
        "again": (1.0, 0.0),
    }
    found = front(scores(places, 0), BETTER)
    assert {name: standing.place for name, standing in found.items()} == {
        "sharp": "on the front",
        "between": "on the front",
        "worse": "behind",
        # equals keep each other from a sure place
        "smooth": "undecided",
        "again": "undecided",
    }
    assert set(found["worse"].behind) == {"smooth", "between", "again"}
    assert found["smooth"].not_told_apart == ("again",) and found["again"].not_told_apart == ("smooth",)
    assert found["sharp"].not_told_apart == ()


def test_the_order_of_methods_and_metrics_changes_nothing() -> None:
    given = scores({"a": (0.0, 0.0), "b": (0.5, -0.5), "c": (0.6, -0.1)}, 1)
    found = front(given, BETTER)
    turned = front(dict(reversed(given.items())), dict(reversed(BETTER.items())))
    assert {name: (one.place, set(one.behind)) for name, one in found.items()} == {
        name: (one.place, set(one.behind)) for name, one in turned.items()
    }


def test_equal_methods_are_hardly_ever_told_apart() -> None:
    places = dict.fromkeys("abcdef", (0.0, 0.0))
    behind = [
        standing.place == "behind" or standing.place == "on the front"
        for seed in range(20)
        for standing in front(scores(places, seed), BETTER, resamples=500).values()
    ]
    # 5 % of a place is allowed, and correlated tests have less
    assert np.mean(behind) <= 0.05


def test_one_method_is_no_comparison() -> None:
    with pytest.raises(UserError, match="front: 1 methods; give two or more"):
        front(scores({"a": (0.0, 0.0)}, 0), BETTER)
