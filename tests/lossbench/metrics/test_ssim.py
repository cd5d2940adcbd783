"""Structural similarity: closed forms, the formula written out, and what is refused."""

import time
from typing import Any

import numpy as np
import pytest
from _golden import floats, photograph
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

from lossbench.errors import UserError
from lossbench.metrics import Colour, Protocol, load, score

Floats = NDArray[np.float64]
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def written_out(ours: Floats, theirs: Floats) -> float:
    """Return equation 13 of the paper for one band of 0..255, with a two-dimensional window."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(values: Floats) -> Floats:
        smooth: Floats = convolve2d(values, window, mode="valid")
        return smooth

    x, y = mean(ours), mean(theirs)
    variances = mean(ours**2) - x**2 + mean(theirs**2) - y**2
    covariance = mean(ours * theirs) - x * y
    similarity = (2 * x * y + C1) * (2 * covariance + C2) / ((x**2 + y**2 + C1) * (variances + C2))
    return float(similarity.mean())


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(11, 30),
    width=st.integers(11, 30),
    bands=st.integers(1, 8),
    crop=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_any_size_and_number_of_bands_agrees_with_the_formula(
    height: int, width: int, bands: int, crop: int, seed: int
) -> None:
    shape = (2, bands, height + 2 * crop, width + 2 * crop)
    ours, theirs = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    inside = (slice(None), slice(crop, height + crop), slice(crop, width + crop))
    pairs = zip(ours[inside].astype(float), theirs[inside].astype(float), strict=True)
    expected = np.mean([written_out(*pair) for pair in pairs])
    assert score("ssim", ours / 255, theirs / 255, protocol=Protocol(crop=crop)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("bands", "colour"), [(1, "rgb"), (3, "rgb"), (3, "y601"), (3, "gray"), (4, "rgb")])
def test_it_is_scikit_images_number_to_the_last_digits(bands: int, colour: Colour) -> None:
    generator = np.random.default_rng(bands)
    target = generator.random((bands, 61, 47))
    prediction = np.clip(target + 0.1 * generator.standard_normal(target.shape), 0, 1)
    protocol = Protocol(colour, 2)
    ours, theirs = protocol.pair(prediction, target)
    given = {"data_range": 255, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(theirs, ours, channel_axis=0, **given)  # type: ignore[no-untyped-call]
    assert score("ssim", prediction, target, protocol=protocol) == pytest.approx(expected, rel=0, abs=1e-14)


def test_two_flat_pictures_have_the_closed_form() -> None:
    ours, theirs = np.full((4, 11, 12), 100 / 255), np.full((4, 11, 12), 200 / 255)
    expected = (2 * 100 * 200 + C1) / (100**2 + 200**2 + C1)
    assert score("ssim", ours, theirs) == pytest.approx(expected, abs=1e-12)


def test_equal_pictures_score_one_and_noise_lowers_it() -> None:
    target, generator = floats(photograph("chelsea")), np.random.default_rng(0)
    assert score("ssim", target, target) == 1
    noisy = [np.clip(target + generator.normal(0, sigma / 255, target.shape), 0, 1) for sigma in (5, 15, 50)]
    values = [score("ssim", image, target) for image in noisy]
    assert values == sorted(values, reverse=True)
    assert score("ssim", noisy[0], target) == pytest.approx(score("ssim", target, noisy[0]), abs=1e-12)


def test_four_bands_are_averaged() -> None:
    target = np.concatenate([floats(photograph("chelsea")), floats(photograph("chelsea"))[:1]])[:, :64, :64]
    prediction = np.clip(target + np.random.default_rng(0).normal(0, 0.1, target.shape), 0, 1)
    each = [score("ssim", ours[None], theirs[None]) for ours, theirs in zip(prediction, target, strict=True)]
    assert score("ssim", prediction, target) == pytest.approx(np.mean(each), abs=1e-12)


def test_without_rounding_the_values_count_as_they_are() -> None:
    target = floats(photograph("chelsea"))[:, :64, :64]
    prediction = np.clip(target + 0.4 / 255, 0, 1)
    assert score("ssim", prediction, target) == 1
    assert 0.99 < score("ssim", prediction, target, protocol=Protocol(rounding=False)) < 1


@pytest.mark.parametrize(("shape", "crop"), [((3, 10, 40), 0), ((3, 40, 10), 0), ((3, 18, 18), 4)])
def test_a_picture_smaller_than_the_window_is_refused(shape: tuple[int, ...], crop: int) -> None:
    image: Any = np.zeros(shape)
    with pytest.raises(UserError, match=r"prediction: \d+x\d+ pixels after the crop are smaller than the 11x11 window"):
        score("ssim", image, image, protocol=Protocol(crop=crop))
    assert score("ssim", np.zeros((3, 11, 11)), np.zeros((3, 11, 11))) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 255.0])
def test_values_out_of_range_are_refused(value: float) -> None:
    image = np.full((3, 16, 16), 0.5)
    with pytest.raises(UserError, match="prediction: "):
        score("ssim", np.where(np.arange(16) == 3, value, image), image)


def test_a_picture_of_two_megapixels_takes_seconds_at_most() -> None:
    """One second on one core; with a two-dimensional window in double precision it was thirty."""
    target = np.random.default_rng(0).random((3, 1024, 2048))
    score("ssim", target[:, :16, :16], target[:, :16, :16])
    start = time.process_time()
    score("ssim", target, 1 - target)
    assert time.process_time() - start < 6


def test_ssim_says_what_it_is() -> None:
    metric = load("ssim")
    assert (metric.better, metric.unit, metric.needs_target, metric.colours[0]) == ("up", "", True, "rgb")
