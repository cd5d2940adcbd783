"""Grids, ringing and echoes planted into photographs are found; blur and noise are not taken for them."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lossbench.assets.embedded import locate
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.metrics import Protocol, _artefacts, load, protocol_of, score
from lossbench.metrics.artefacts import CEILINGS
from lossbench.resize import resize_bicubic

Floats = NDArray[np.float64]
NAMES = ("grid", "ringing", "echoes", "artefacts")
MEASURES: dict[str, Callable[[Floats, Floats], float]] = {
    "grid": _artefacts.grid,
    "ringing": _artefacts.ringing,
    "echoes": _artefacts.echoes,
}
PHOTOGRAPHS = (
    "skimage/data/astronaut.png",
    "skimage/data/coffee.png",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "foolbox/data/imagenet_19_305.jpg",
)
SIDE = 256


@cache
def photograph(path: str) -> NDArray[np.uint8]:
    """(256, 256, 3) from the middle; not to be changed."""
    pixels = read_image(locate(path))
    top, left = ((length - SIDE) // 2 for length in pixels.shape[:2])
    return pixels[top : top + SIDE, left : left + SIDE]


@cache
def luma(path: str) -> Floats:
    """(256, 256) of whole levels; not to be changed."""
    levels: Floats = np.round(photograph(path) @ np.array([0.299, 0.587, 0.114]))
    return levels


def eight_bit(image: Floats) -> Floats:
    return np.clip(np.round(image), 0, 255)


def enlarged(target: Floats, scale: int) -> Floats:
    return resize_bicubic(eight_bit(resize_bicubic(target, 1 / scale)), scale)


def noisy(target: Floats, sigma: float) -> Floats:
    return target + np.random.default_rng(0).normal(0, sigma, target.shape)


BASES: dict[str, Callable[[Floats], Floats]] = {
    "blur 1": lambda target: gaussian_filter(target, 1),
    "blur 3": lambda target: gaussian_filter(target, 3),
    "x2": lambda target: enlarged(target, 2),
    "x4": lambda target: enlarged(target, 4),
    "noise 5": lambda target: noisy(target, 5),
    "noise 25": lambda target: noisy(target, 25),
    "noisy x4": lambda target: noisy(enlarged(target, 4), 5),
    "contrast": lambda target: 0.97 * target + 4,
}


def checkerboard(target: Floats) -> Floats:
    """+-1, as a transposed convolution of stride 2 leaves it."""
    rows, columns = np.indices(target.shape)
    return np.where((rows + columns) % 2, -1.0, 1.0)


def four_pixel_grid(target: Floats) -> Floats:
    """Period 4 along both axes, as two transposed convolutions leave it; its largest value is 1."""
    rows, columns = np.indices(target.shape)
    one_period = np.array([1, 0.2, -0.6, -0.6])
    grid: Floats = (one_period[rows % 4] + one_period[columns % 4]) / 2
    return grid


def grid_on_texture(target: Floats) -> Floats:
    """The 4-pixel grid where the target has structure, fading to nothing where it is flat."""
    activity = gaussian_filter(gaussian_filter(target, 1, (1, 0)) ** 2 + gaussian_filter(target, 1, (0, 1)) ** 2, 3)
    grid: Floats = 2 * four_pixel_grid(target) * np.minimum(activity / np.quantile(activity, 0.9), 1)
    return grid


def sinc_ringing(target: Floats) -> Floats:
    """What an ideal low-pass filter adds beside edges; 1 is exceeded in a twentieth of the smooth pixels near edges."""
    padded = np.pad(target, 32, mode="symmetric")
    rows, columns = (np.abs(np.fft.fftfreq(length)) < 0.125 for length in padded.shape)
    low = np.fft.ifft2(np.fft.fft2(padded) * (rows[:, None] & columns)).real[32:-32, 32:-32]
    return beside_edges(low - gaussian_filter(target, 1.6), target)


def echo(target: Floats) -> Floats:
    """The fine structure of the target 9 pixels to the right, scaled as `sinc_ringing`."""
    return beside_edges(np.roll(target - gaussian_filter(target, 4), 9, axis=1), target)


def beside_edges(artefact: Floats, target: Floats) -> Floats:
    steepness = np.hypot(gaussian_filter(target, 1, (1, 0)), gaussian_filter(target, 1, (0, 1)))
    near = (steepness < 5) & (gaussian_filter((steepness > 12).astype(float), 8) > 0.02)
    scaled: Floats = artefact / np.quantile(np.abs(artefact[near]), 0.95)
    return scaled


PLANTED = {
    "checkerboard": ("grid", checkerboard),
    "4-pixel grid": ("grid", four_pixel_grid),
    "grid on texture": ("grid", grid_on_texture),
    "sinc": ("ringing", sinc_ringing),
    "echo": ("echoes", echo),
}


@pytest.mark.parametrize("base", BASES)
def test_blur_and_noise_and_contrast_are_no_artefacts(base: str) -> None:
    for path in PHOTOGRAPHS:
        target = luma(path)
        prediction = eight_bit(BASES[base](target))
        parts = {name: measure(prediction, target) for name, measure in MEASURES.items()}
        assert all(0 <= value < CEILINGS[name] for name, value in parts.items()), (path, parts)


@pytest.mark.parametrize("base", ["target", "x4", "noise 5"])
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_artefact_stands_out_and_grows_with_its_amplitude(planted: str, base: str) -> None:
    """On every photograph 8 levels give more than blur and noise can; on most of them, more than twice that."""
    name, artefact = PLANTED[planted]
    ratios = []
    for path in PHOTOGRAPHS:
        target = luma(path)
        under = target if base == "target" else BASES[base](target)
        plain, weak, middle, strong = (
            MEASURES[name](np.round(under + float(amplitude) * artefact(target)), target) for amplitude in (0, 4, 8, 16)
        )
        assert plain <= weak <= middle, path
        assert middle < strong and middle > CEILINGS[name], (path, plain, weak, middle, strong)
        ratios.append(middle / CEILINGS[name])
    assert np.median(ratios) > 2


@pytest.mark.parametrize("name", NAMES)
def test_equal_pictures_have_no_artefacts(name: str) -> None:
    target = photograph(PHOTOGRAPHS[0]).transpose(2, 0, 1) / 255
    assert score(name, target, target) == 0
    flat = np.full((3, 128, 130), 0.4)
    assert score(name, flat, flat) == 0
    assert score(name, flat + 0.1, flat) == 0
    assert score(name, np.zeros((3, 128, 130)), flat) == 0


@settings(max_examples=8, deadline=None)
@given(height=st.integers(128, 150), width=st.integers(128, 150), crop=st.integers(0, 4), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", NAMES)
def test_any_size_has_a_finite_score(name: str, height: int, width: int, crop: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (2, 3, height + 2 * crop, width + 2 * crop)) / 255
    assert 0 <= score(name, *images, protocol=Protocol("gray", crop)) < math.inf
    # a flat target has neither edges nor a spectrum
    assert 0 <= score(name, images[0], np.full_like(images[0], 0.5)) < math.inf


@pytest.mark.parametrize("planted", ["grid on texture", "sinc", "echo"])
def test_a_small_change_of_contrast_hardly_matters(planted: str) -> None:
    name, artefact = PLANTED[planted]
    target = luma(PHOTOGRAPHS[0])
    prediction = target + 6 * artefact(target)
    expected = MEASURES[name](prediction, target)
    assert MEASURES[name](0.97 * prediction + 5, target) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("down", "right"), [(0, 9), (-9, 0), (4, 0), (14, -14), (24, 0)])
def test_an_echo_is_measured_in_per_cent_of_the_edges_it_repeats(down: int, right: int) -> None:
    target = np.kron(np.random.default_rng(1).integers(60, 190, (32, 32)), np.ones((8, 8))).astype(float)
    prediction = target + 0.1 * (np.roll(target, (down, right), (0, 1)) - target.mean())
    assert _artefacts.echoes(prediction, target) == pytest.approx(10, rel=0.2)
    # a negative echo is one too
    assert _artefacts.echoes(2 * target - prediction, target) == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("displacement", [1, 2, 28])
def test_what_is_nearer_or_farther_than_an_echo_is_none(displacement: int) -> None:
    target = noisy(np.full((256, 256), 128.0), 30)
    prediction = target + 0.1 * (np.roll(target, displacement, 1) - 128)
    assert _artefacts.echoes(prediction, target) < 1


def test_a_target_that_repeats_itself_is_no_echo() -> None:
    rows, columns = np.indices((256, 256))
    target = eight_bit(noisy(128 + 60 * np.sign(np.sin(2 * np.pi * columns / 18)), 4) + rows % 2)
    assert _artefacts.echoes(gaussian_filter(target, 1.5), target) < CEILINGS["echoes"]


@pytest.mark.parametrize("period", [2, 4, 8])
@pytest.mark.parametrize("axes", [(1, 0), (0, 1), (1, 1)])
def test_lines_of_2_4_and_8_pixels_are_grids_and_those_between_are_none(period: int, axes: tuple[int, int]) -> None:
    target = luma(PHOTOGRAPHS[1])
    rows, columns = np.indices(target.shape)
    phase = axes[0] * rows + axes[1] * columns
    grid = _artefacts.grid(target + 3 * np.cos(2 * np.pi * phase / period), target)
    assert grid > 15
    assert _artefacts.grid(noisy(target + 3 * np.cos(2 * np.pi * phase / 5.3), 2), target) < CEILINGS["grid"]


def test_ringing_is_measured_in_levels_beside_an_edge() -> None:
    target = np.full((256, 256), 60.0)
    target[:, 128:] = 190
    distance = np.abs(np.arange(256) - 127.5)
    # the zone begins some 5 and ends 17 pixels from the edge
    for amplitude in (2, 4):
        wave = amplitude * np.cos(2 * np.pi * distance / 6) * (distance < 24)
        assert _artefacts.ringing(target + wave, target) == pytest.approx(amplitude / math.sqrt(2), rel=0.4)
        assert _artefacts.ringing((target + wave).T, target.T) == _artefacts.ringing(target + wave, target)
    # a single bump is no wave, and waves far from every edge are none beside one
    assert _artefacts.ringing(target + 4 * np.exp(-(((distance - 10) / 3) ** 2)), target) < 0.7
    assert _artefacts.ringing(target + 4 * np.cos(distance) * (distance > 40), target) < 0.3


def test_the_sum_is_that_of_its_parts() -> None:
    target = photograph(PHOTOGRAPHS[0]).transpose(2, 0, 1) / 255
    prediction = np.clip(target + 6 / 255 * echo(luma(PHOTOGRAPHS[0])), 0, 1)
    parts = [score(name, prediction, target) / ceiling for name, ceiling in CEILINGS.items()]
    assert score("artefacts", prediction, target) == pytest.approx(math.hypot(*parts)) and max(parts) > 1
    # the gray of the protocol is that of the test to a rounding
    ours = score("echoes", prediction, target)
    levels = np.round(prediction.transpose(1, 2, 0) * 255) @ [0.299, 0.587, 0.114]
    assert ours == pytest.approx(_artefacts.echoes(levels, luma(PHOTOGRAPHS[0])), rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_an_artefact_metric_says_what_it_is_and_refuses_what_it_cannot_judge(name: str) -> None:
    metric: Any = load(name)
    assert (metric.better, metric.needs_target, metric.colours) == ("down", True, ("gray",))
    assert "this project" in metric.SOURCE and protocol_of(name, "rgb") == Protocol("gray")
    image = np.zeros((3, 140, 130))
    with pytest.raises(UserError, match=f"136x126 pixels after the crop, {name} needs 128x128"):
        score(name, image, image, protocol=Protocol("gray", 2))
    with pytest.raises(UserError, match=f"{name} is not defined for the protocol 'rgb'"):
        metric.score(image, image, Protocol("rgb"))
