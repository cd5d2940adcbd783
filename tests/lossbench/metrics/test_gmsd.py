"""GMSD: the formula written out, closed forms, and what is refused."""

import numpy as np
import pytest
from _golden import Floats, floats, photograph
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d

from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, protocol_of, score

PREWITT = np.array([[1, 0, -1]] * 3) / 3


def written_out(ours: Floats, theirs: Floats, halved: bool) -> float:
    """Return the authors' code for luma (H, W) of 0..255."""
    gradients = []
    for luma in (ours, theirs):
        height, width = luma.shape
        means = convolve2d(luma, np.full((2, 2), 0.25))[1:, 1:][:height:2, :width:2] if halved else luma
        across, down = convolve2d(means, PREWITT, mode="same"), convolve2d(means, PREWITT.T, mode="same")
        gradients.append(np.hypot(across, down))
    first, second = gradients
    return float(np.std((2 * first * second + 170) / (first**2 + second**2 + 170), ddof=1))


@settings(max_examples=30, deadline=None)
@given(height=st.integers(5, 30), width=st.integers(5, 30), crop=st.integers(0, 2), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", ["gmsd", "gmsd_full"])
def test_any_size_agrees_with_the_formula(name: str, height: int, width: int, crop: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (2, 3, height + 2 * crop, width + 2 * crop)) / 255
    ours, theirs = (np.round(Protocol("gray", crop).apply(image)[0]) for image in images)
    expected = written_out(ours, theirs, name == "gmsd")
    assert score(name, *images, protocol=Protocol("gray", crop)) == pytest.approx(expected, abs=1e-10)


def test_a_point_that_is_gone_is_the_closed_form() -> None:
    """A white point on black against nothing."""
    target, prediction = np.zeros((3, 9, 9)), np.zeros((3, 9, 9))
    target[:, 4, 4] = 1
    # the gradient of a point: 85 beside it, 85 sqrt(2) at its corners, 0 on it
    similarity = np.ones(81)
    similarity[:4], similarity[4:8] = 170 / (85**2 + 170), 170 / (2 * 85**2 + 170)
    assert score("gmsd_full", prediction, target) == pytest.approx(similarity.std(ddof=1), abs=1e-12)


@pytest.mark.parametrize("name", ["gmsd", "gmsd_full"])
def test_equal_pictures_score_zero_and_blur_raises_it(name: str) -> None:
    target, generator = floats(photograph("chelsea")), np.random.default_rng(0)
    assert score(name, target, target) == 0
    noisy = [np.clip(target + generator.normal(0, sigma / 255, target.shape), 0, 1) for sigma in (5, 15, 50)]
    values = [score(name, image, target) for image in noisy]
    assert values == sorted(values) and values[0] > 0
    assert score(name, noisy[0], target) == pytest.approx(score(name, target, noisy[0]), abs=1e-15)


@pytest.mark.parametrize("name", ["gmsd", "gmsd_full"])
@pytest.mark.parametrize("levels", [(0, 0), (1, 1), (0.3, 0.3), (0, 1), (0.3, 0.7)])
def test_flat_pictures_have_a_score(name: str, levels: tuple[float, float]) -> None:
    """Only their borders against the zeros around them differ."""
    ours, theirs = (np.full((3, 12, 11), float(level)) for level in levels)
    value = score(name, ours, theirs)
    assert value == 0 if levels[0] == levels[1] else 0 < value < 1


def test_luma_is_rounded_unless_the_protocol_is_not() -> None:
    target = floats(photograph("chelsea"))[:, :64, :64]
    prediction = np.clip(target + 0.3 / 255, 0, 1)
    assert score("gmsd", prediction, target) == 0
    assert score("gmsd", prediction, target, protocol=Protocol("gray", rounding=False)) > 0


@pytest.mark.parametrize(("name", "least"), [("gmsd", 5), ("gmsd_full", 3)])
def test_a_picture_smaller_than_the_window_is_refused(name: str, least: int) -> None:
    image = np.zeros((3, least, least))
    assert score(name, image, image) == 0
    message = f"prediction: {least - 1}x{least} pixels after the crop, {name} needs {least}x{least}"
    with pytest.raises(UserError, match=message):
        score(name, image[:, 1:], image[:, 1:])
    with pytest.raises(UserError, match=f"prediction: {least}x{least - 2} pixels after the crop"):
        wide = np.zeros((3, least + 2, least))
        score(name, wide, wide, protocol=Protocol("gray", 1))


@pytest.mark.parametrize("name", ["gmsd", "gmsd_full"])
def test_gmsd_is_of_gray_whatever_is_asked(name: str) -> None:
    assert protocol_of(name, Protocol("rgb", 4)) == Protocol("gray", 4)
    image = np.zeros((3, 8, 8))
    with pytest.raises(UserError, match=f"{name} is not defined for the protocol 'rgb'; use 'gray'"):
        load(name).score(image, image, Protocol())
    with pytest.raises(UserError, match="4 bands have no luma 'gray'"):
        score(name, np.zeros((4, 8, 8)), np.zeros((4, 8, 8)))
    metric = load(name)
    assert (metric.better, metric.unit, metric.needs_target, metric.colours) == ("down", "", True, ("gray",))
