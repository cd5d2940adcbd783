"""Spectral angle and ERGAS: hand-computed values, invariances and what is refused."""

import math
from typing import Any

import numpy as np
import pytest
from _golden import floats, four_bands, photograph
from hypothesis import given, settings
from hypothesis import strategies as st

from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, sam_dropped, score

EXACT = Protocol(rounding=False)


def pixels(*spectra: tuple[float, ...]) -> Any:
    """Return (C, 1, W) of the given spectra."""
    return np.array(spectra).T[:, None]


def test_the_angle_of_hand_computed_spectra() -> None:
    # 0 degrees, 90 degrees, and 45 degrees between (1, 0) and (1, 1)
    target = pixels((0.2, 0.4), (0.5, 0.0), (0.3, 0.0))
    prediction = pixels((0.1, 0.2), (0.0, 0.5), (0.4, 0.4))
    expected = (0 + math.pi / 2 + math.pi / 4) / 3
    assert score("sam", prediction, target, protocol=EXACT) == pytest.approx(expected, abs=1e-12)


def test_a_black_pixel_counts_a_right_angle_in_either_picture_and_in_both() -> None:
    target = pixels((0.2, 0.4), (0.0, 0.0), (0.5, 0.1), (0.0, 0.0))
    prediction = pixels((0.2, 0.4), (0.3, 0.3), (0.0, 0.0), (0.0, 0.0))
    assert score("sam", prediction, target) == pytest.approx(3 / 4 * math.pi / 2, abs=1e-12)


def test_black_pixels_are_dropped_and_counted() -> None:
    target = pixels((0.2, 0.4), (0.0, 0.0), (0.5, 0.0), (0.0, 0.0), (0.5, 0.1))
    prediction = pixels((0.2, 0.4), (0.3, 0.3), (0.0, 0.5), (0.0, 0.0), (0.0, 0.0))
    assert sam_dropped.zero_pixels(prediction, target, Protocol()) == 3
    # 0 and 90 degrees are left
    assert score("sam_dropped", prediction, target) == pytest.approx(math.pi / 4, abs=1e-12)
    bright = (prediction[..., [0, 2]], target[..., [0, 2]])
    assert score("sam_dropped", *bright) == score("sam", *bright)
    assert sam_dropped.zero_pixels(*bright, Protocol()) == 0


def test_a_pair_without_any_angle_has_no_mean_to_take() -> None:
    image = np.full((3, 4, 4), 0.5)
    assert score("sam", image, image * 0) == math.pi / 2
    with pytest.raises(UserError, match="every pixel is black"):
        score("sam_dropped", image, image * 0)


def test_small_angles_keep_their_digits() -> None:
    """The arc cosine of 1 - 5e-13 is off by a part in ten thousand."""
    target, prediction = pixels((0.5, 0.5)), pixels((0.5 + 5e-7, 0.5 - 5e-7))
    assert score("sam", prediction, target, protocol=EXACT) == pytest.approx(1e-6, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(bands=st.integers(2, 8), seed=st.integers(0, 999))
def test_the_angle_does_not_see_how_bright_a_pixel_is(bands: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    target, prediction = generator.uniform(0.05, 0.5, (2, bands, 6, 5))
    value = score("sam", prediction, target, protocol=EXACT)
    brightness = generator.uniform(0.3, 2, (2, 1, 6, 5))
    scaled = score("sam", prediction * brightness[0], target * brightness[1], protocol=EXACT)
    assert scaled == pytest.approx(value, abs=1e-9) and 0 < value < math.pi / 2
    assert score("sam", target, prediction, protocol=EXACT) == pytest.approx(value, abs=1e-12)
    assert score("sam", target, target * brightness[0], protocol=EXACT) == pytest.approx(0, abs=1e-7)


def test_ergas_of_hand_computed_bands() -> None:
    # errors of 0.1 at a mean of 0.4, and of 0.2 at a mean of 0.5
    target, prediction = np.full((2, 3, 3), 0.4), np.full((2, 3, 3), 0.5)
    target[1], prediction[1] = 0.5, 0.3
    expected = 25 * math.sqrt(((0.1 / 0.4) ** 2 + (0.2 / 0.5) ** 2) / 2)
    assert score("ergas", prediction, target, protocol=EXACT) == pytest.approx(expected, abs=1e-12)
    # the mean is that of the target, so that the two pictures must not be exchanged
    assert score("ergas", target, prediction, protocol=EXACT) != pytest.approx(expected, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(bands=st.integers(1, 8), seed=st.integers(0, 999))
def test_ergas_sees_neither_the_unit_of_a_band_nor_where_its_pixels_lie(bands: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    target, prediction = generator.uniform(0.05, 0.5, (2, bands, 4, 9))
    value = score("ergas", prediction, target, protocol=EXACT)
    unit = generator.uniform(0.3, 2, (bands, 1, 1))
    assert score("ergas", prediction * unit, target * unit, protocol=EXACT) == pytest.approx(value, rel=1e-9)
    order = generator.permutation(36)
    shuffled = [image.reshape(bands, 36)[:, order].reshape(bands, 4, 9) for image in (prediction, target)]
    assert score("ergas", shuffled[0], shuffled[1], protocol=EXACT) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", ["sam", "sam_dropped", "ergas"])
def test_equal_pictures_score_exactly_zero_and_noise_raises_it(name: str) -> None:
    target = np.clip(floats(four_bands(photograph("chelsea"))), 1 / 255, 1)
    assert score(name, target, target) == 0
    noise = np.random.default_rng(0).normal(0, 1, target.shape)
    values = [score(name, np.clip(target + sigma * noise, 1 / 255, 1), target) for sigma in (0.01, 0.05, 0.2)]
    assert 0 < values[0] < values[1] < values[2]


def test_the_crop_and_the_rounding_are_the_protocols() -> None:
    target = np.full((4, 8, 8), 0.5)
    prediction = target.copy()
    prediction[0, 0] = 0.1
    assert score("sam", prediction, target) > 0 and score("ergas", prediction, target) > 0
    for name in ("sam", "ergas"):
        assert score(name, prediction, target, protocol=Protocol(crop=1)) == 0
        assert score(name, target + 0.4 / 255, target) == 0
    assert score("ergas", target + 0.4 / 255, target, protocol=EXACT) > 0


@pytest.mark.parametrize("name", ["sam", "sam_dropped", "ergas"])
def test_luma_is_refused_and_a_bare_colour_falls_back(name: str) -> None:
    image = np.full((3, 4, 4), 0.5)
    with pytest.raises(UserError, match=f"{name.removesuffix('_dropped')} is not defined for the protocol 'y601'"):
        load(name).score(image, image, Protocol("y601"))
    assert score(name, image, image, protocol="y601") == 0


def test_what_has_no_angle_and_no_scale_is_refused() -> None:
    image = np.full((4, 4, 4), 0.5)
    with pytest.raises(UserError, match="a single band has no spectral angle"):
        score("sam", image[:1], image[:1])
    black = image.copy()
    black[2] = 0
    with pytest.raises(UserError, match="target: band 2 is black"):
        score("ergas", image, black)
    with pytest.raises(UserError, match=r"prediction: shape \(4, 4, 4\), target: \(3, 4, 4\)"):
        score("sam", image, image[:3])
    with pytest.raises(UserError, match="ergas compares with a target"):
        score("ergas", image)


def test_they_say_what_they_are() -> None:
    assert [(load(name).better, load(name).unit) for name in ("sam", "sam_dropped", "ergas")] == [
        ("down", "rad"),
        ("down", "rad"),
        ("down", ""),
    ]
