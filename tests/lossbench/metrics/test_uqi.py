"""Universal quality index: the formula window by window, flat windows, and sewar's defect."""

import numpy as np
import pytest
from _golden import Floats, floats, photograph
from hypothesis import given, settings
from hypothesis import strategies as st

from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, protocol_of, score


def written_out(ours: Floats, theirs: Floats) -> float:
    """Return the mean of equation 1 over all 8x8 windows of one band."""
    height, width = ours.shape
    places = [(row, column) for row in range(height - 7) for column in range(width - 7)]
    windows = [(ours[r : r + 8, c : c + 8], theirs[r : r + 8, c : c + 8]) for r, c in places]
    return float(np.mean([of_window(first, second) for first, second in windows]))


def of_window(first: Floats, second: Floats) -> float:
    x, y = first.mean(), second.mean()
    covariance, spread = np.mean((first - x) * (second - y)), first.var() + second.var()
    if x == y == 0:
        return 1.0
    luminance = 2 * x * y / (x**2 + y**2)
    return float(luminance * 2 * covariance / spread if spread else luminance)


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(8, 14),
    width=st.integers(8, 14),
    bands=st.integers(1, 4),
    crop=st.integers(0, 2),
    levels=st.sampled_from([2, 256]),
    seed=st.integers(0, 99),
)
def test_any_size_and_number_of_bands_agrees_with_the_formula(
    height: int, width: int, bands: int, crop: int, levels: int, seed: int
) -> None:
    shape = (2, bands, height + 2 * crop, width + 2 * crop)
    ours, theirs = np.random.default_rng(seed).integers(0, levels, shape) // (levels // 2) ** (seed % 2)
    inside = (slice(None), slice(crop, height + crop), slice(crop, width + crop))
    pairs = zip(ours[inside].astype(float), theirs[inside].astype(float), strict=True)
    expected = np.mean([written_out(*pair) for pair in pairs])
    assert score("uqi", ours / 255, theirs / 255, protocol=Protocol(crop=crop)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("rounding", [True, False])
@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (0, 0.4), (0.2, 0.6), (0.3, 0.3), (1, 1)])
def test_two_flat_pictures_count_by_their_luminance(ours: float, theirs: float, rounding: bool) -> None:
    first, second = (np.full((3, 17, 19), float(level)) for level in (ours, theirs))
    expected = 2 * ours * theirs / (ours**2 + theirs**2) if ours or theirs else 1
    value = score("uqi", first, second, protocol=Protocol(rounding=rounding))
    assert value == pytest.approx(expected, abs=1e-12)


def test_a_flat_window_against_a_textured_one_scores_zero() -> None:
    textured = np.random.default_rng(0).random((1, 8, 8))
    flat = np.full((1, 8, 8), 0.3)
    for rounding in (True, False):
        protocol = Protocol(rounding=rounding)
        assert score("uqi", flat, textured, protocol=protocol) == pytest.approx(0, abs=1e-12)


def test_flat_areas_that_drift_by_rounding_errors_stay_flat() -> None:
    flat = np.full((3, 40, 40), 0.7)
    drifted = flat + np.random.default_rng(0).normal(0, 1e-15, flat.shape)
    assert score("uqi", drifted, flat, protocol=Protocol(rounding=False)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", ["uqi", "uqi_sewar"])
def test_equal_pictures_score_one_and_noise_lowers_it(name: str) -> None:
    target, generator = floats(photograph("chelsea")), np.random.default_rng(0)
    assert score(name, target, target) == pytest.approx(1, abs=1e-12)
    noisy = [np.clip(target + generator.normal(0, sigma / 255, target.shape), 0, 1) for sigma in (5, 15, 50)]
    values = [score(name, image, target) for image in noisy]
    assert values == sorted(values, reverse=True)
    assert score(name, noisy[0], target) == pytest.approx(score(name, target, noisy[0]), abs=1e-12)


def test_a_negative_scores_below_zero_and_sewar_does_not_see_it() -> None:
    """The contrast is turned round; the defect leaves little but luminance."""
    target = 0.5 + 0.1 * (np.random.default_rng(0).random((3, 32, 32)) - 0.5)
    assert score("uqi", 1 - target, target) < -0.9
    assert score("uqi_sewar", 1 - target, target) > 0.9


@pytest.mark.parametrize("name", ["uqi", "uqi_sewar"])
def test_bands_are_averaged(name: str) -> None:
    target, prediction = np.random.default_rng(0).random((2, 4, 20, 24))
    each = [score(name, ours[None], theirs[None]) for ours, theirs in zip(prediction, target, strict=True)]
    assert score(name, prediction, target) == pytest.approx(np.mean(each), abs=1e-12)


def test_sewar_of_flat_and_black_pictures_is_a_number() -> None:
    black, grey = np.zeros((3, 12, 12)), np.full((3, 12, 12), 0.5)
    assert score("uqi_sewar", black, black) == 1
    assert score("uqi_sewar", grey, grey) == pytest.approx(1, abs=1e-12)
    assert score("uqi_sewar", black, grey) == 0


@pytest.mark.parametrize(("name", "least"), [("uqi", 8), ("uqi_sewar", 9)])
def test_a_picture_smaller_than_the_window_is_refused(name: str, least: int) -> None:
    image = np.zeros((3, least, least))
    assert score(name, image, image) == 1
    with pytest.raises(
        UserError, match=f"prediction: {least}x{least - 1} pixels after the crop, {name} needs {least}x"
    ):
        score(name, image[..., 1:], image[..., 1:])


def test_the_index_says_what_it_is() -> None:
    metric = load("uqi")
    assert (metric.better, metric.unit, metric.needs_target, metric.colours[0]) == ("up", "", True, "rgb")
    assert protocol_of("uqi", "y601_rounded").colour == "y601_rounded"
    assert protocol_of("uqi_sewar", "y601").colour == "rgb"
