"""The front of two metrics: planted places are found, equals are not told apart, and errors stay below their rate."""

from typing import Any, Literal

import numpy as np
import pytest
import torch

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


def test_lists_of_lists_and_tensors_are_taken_as_arrays() -> None:
    given = scores({"a": (0.0, 0.0), "b": (0.5, -0.5)}, 2)
    expected = front(given, BETTER, resamples=500)
    for kind in (np.ndarray.tolist, lambda array: torch.tensor(array, requires_grad=True)):
        kinds: Any = {
            method: {name: kind(np.asarray(one)) for name, one in own.items()} for method, own in given.items()
        }
        assert front(kinds, BETTER, resamples=500) == expected


@pytest.mark.parametrize("way", ["higher", "max", "UP", True, None, 1, np.ones((2, 2))])
def test_a_direction_is_up_or_down(way: Any) -> None:
    given = scores({"a": (0.0, 0.0), "b": (0.5, -0.5)}, 2)
    with pytest.raises(UserError, match=r"^front: better of 'distance' is .+; give 'up' or 'down'$"):
        front(given, {"psnr": "up", "distance": way})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"psnr": [[1.0] * 40]}, r"'psnr' of 'b' has shape \(1, 40\), 'psnr' of 'a' has \(3, 40\); give the same"),
        ({"distance": [[1.0] * 20] * 3}, r"'distance' of 'b' has shape \(3, 20\), 'psnr' of 'a' has \(3, 40\)"),
        ({"psnr": [1.0] * 40}, r"'psnr' of 'b' has shape \(40,\); give numbers \(seeds, images\)"),
        ({"psnr": [[1.0, 2.0], [3.0]]}, r"'psnr' of 'b': \[\[1\.0, 2\.0\], \[3\.0\]\] is no number"),
        ({"psnr": [["a"]]}, r"'psnr' of 'b': \['a'\] is no number"),
        ({"psnr": [[float("nan")] * 40] * 3}, "'psnr' of 'b': NaN or infinity among them"),
        ({"psnr": [[1e200] * 40] * 3}, "'psnr' of 'b': 1e.200 is the largest amount"),
        ({"lpips": [[1.0] * 40] * 3}, "'b' has 'lpips', of which better says no direction; give it, or leave"),
    ],
)
def test_what_can_not_be_compared_is_named_by_method_and_metric(second: Any, words: str) -> None:
    given: Any = scores({"a": (0.0, 0.0), "b": (0.5, -0.5)}, 2)
    given["b"] |= second
    with pytest.raises(UserError, match=f"^front: {words}") as caught:
        front(given, BETTER)
    assert "\n" not in str(caught.value)


def test_what_is_no_table_of_scores_is_named() -> None:
    given: Any = scores({"a": (0.0, 0.0), "b": (0.5, -0.5)}, 2)
    one = {method: {metric: [[1.0]] for metric in BETTER} for method in "ab"}
    less = {**given, "b": {"psnr": given["b"]["psnr"]}}
    wrong: list[tuple[Any, Any, dict[str, Any], str]] = [
        (given, {}, {}, "front: better = {} names no metric"),
        (given, ["psnr"], {}, r"front: better = \['psnr'\] names no metric"),
        (given, {"psnr": "up"}, {}, "front: 'a' has 'distance', of which better says no direction"),
        ([1, 2], BETTER, {}, r"front: \[1, 2\] holds no methods"),
        ({**given, "b": 3}, BETTER, {}, "front: 'b': 3 holds no metrics"),
        (less, BETTER, {}, "front: 'distance' of 'b' is missing; give numbers"),
        (one, BETTER, {}, "front: 'psnr' of 'a' is one number; give two or more images, or seeds"),
        (given, BETTER, {"resamples": 0}, "resamples: 0 for the level 0.95; give 100 to 10000000"),
        (given, BETTER, {"resamples": "a"}, "resamples: 'a' is no whole number"),
        (given, BETTER, {"noise": {"psn": None}}, "front: noise of 'psn', of which there are no .* mean 'psnr'"),
    ]
    for table, better, options, words in wrong:
        with pytest.raises(UserError, match=f"^{words}"):
            front(table, better, **options)
