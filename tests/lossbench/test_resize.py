"""Bicubic resizing against hand-computed weights and MATLAB's own files."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _repository import TEST_DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.metrics import Protocol
from lossbench.resize import crop_to_multiple, resize_bicubic

# the kernel at distances 0.25, 0.75, 1.25, 1.75, times 128
TAPS = [-3, -9, 29, 111, 111, 29, -9, -3]

# PSNR of MATLAB's bicubic x4 on Set5, Y rounded to uint8, crop 4: SelfExSR repository, result_Set5_SRF_4.mat, column 1
PUBLISHED = [31.77105278, 30.17506673, 22.09916583, 31.57850092, 26.46451329]


def targets(name: str, scale: int) -> list[Path]:
    root = TEST_DATA
    folder = root / name / f"image_SRF_{scale}"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set LOSSBENCH_TEST_DATA to the folder of the test sets")
    return sorted(folder.glob("*_HR.png"))


def low_quality(path: Path) -> NDArray[np.uint8]:
    return read_image(path.with_name(path.name.replace("_HR", "_LR")))


def impulse(length: int, position: int, height: float) -> NDArray[np.float64]:
    line = np.zeros((1, length))
    line[0, position] = height
    return line


def test_shrinking_by_two_spreads_a_pixel_by_the_widened_kernel() -> None:
    line = resize_bicubic(impulse(16, 7, 256), Fraction(1, 2), (1, 8))
    assert line.ravel().tolist() == [0, 0, -9, 111, 29, -3, 0, 0]


def test_enlarging_by_two_spreads_a_pixel_by_the_kernel() -> None:
    line = resize_bicubic(impulse(9, 4, 128), 2, (1, 18))
    assert line.ravel().tolist() == [0] * 5 + TAPS + [0] * 5


def test_enlarging_by_four_samples_the_kernel_at_odd_eighths() -> None:
    line = resize_bicubic(impulse(9, 4, 1024), 4, (1, 36))
    # 1.5 x^3 - 2.5 x^2 + 1 and -0.5 x^3 + 2.5 x^2 - 4 x + 2 at 1/8, 3/8 ... 15/8, times 1024
    taps = [987, 745, 399, 93, -49, -75, -45, -7]
    assert line.ravel()[10:26].tolist() == pytest.approx([*taps[::-1], *taps], abs=1e-10)


def test_the_border_is_mirrored_about_the_edge_of_the_first_pixel() -> None:
    line = resize_bicubic(impulse(16, 0, 256), Fraction(1, 2), (1, 8))
    assert line.ravel().tolist() == [111 + 29, -9 - 3, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_shrinking_gives_the_bytes_that_matlab_wrote(name: str, scale: int) -> None:
    """Older releases repeat the border pixel, so the picture is padded by what the kernel reaches."""
    for path in targets(name, scale)[:6]:
        image = np.pad(read_image(path), ((4 * scale,) * 2, (4 * scale,) * 2, (0, 0)), mode="edge")
        resized = resize_bicubic(image, Fraction(1, scale))[4:-4, 4:-4]
        assert np.array_equal(resized, low_quality(path)), path.name


@pytest.mark.parametrize("scale", [2, 4])
def test_without_padding_only_two_border_pixels_differ_from_the_older_matlab(scale: int) -> None:
    for path in targets("Set5", scale):
        resized, expected = resize_bicubic(read_image(path), Fraction(1, scale)), low_quality(path)
        assert np.array_equal(resized[2:-2, 2:-2], expected[2:-2, 2:-2]), path.name
        difference = np.abs(resized.astype(int) - expected)
        assert difference.max() <= 7 and np.mean(difference == 0) > 0.97, path.name


def test_the_bicubic_baseline_has_the_published_psnr() -> None:
    luma = Protocol("y601", crop=4)
    for path, published in zip(targets("Set5", 4), PUBLISHED, strict=True):
        enlarged, target = resize_bicubic(low_quality(path), 4), read_image(path)
        ours, theirs = (np.round(luma.apply(image.transpose(2, 0, 1) / 255)) for image in (enlarged, target))
        assert 10 * np.log10(255**2 / np.mean((ours - theirs) ** 2)) == pytest.approx(published, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    scale=st.sampled_from([Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), 2, 3, 4, 0.37, 1.9]),
    level=st.integers(0, 255),
)
def test_a_constant_picture_stays_constant(height: int, width: int, scale: Fraction | float, level: int) -> None:
    image = np.full((height, width, 2), level, np.uint8)
    resized = resize_bicubic(image, scale)
    assert resized.shape == (int(np.ceil(height * scale)), int(np.ceil(width * scale)), 2)
    assert (resized == level).all()
    assert resize_bicubic(image / 255, scale) == pytest.approx(level / 255, abs=1e-14)


@pytest.mark.parametrize("scale", [2, 4])
def test_enlarging_then_shrinking_a_smooth_picture_returns_it(scale: int) -> None:
    wave = np.sin(np.arange(64) / 10)[:, None] * np.cos(np.arange(48) / 8)[None]
    there = resize_bicubic(wave, scale)
    assert there.shape == (64 * scale, 48 * scale)
    assert resize_bicubic(there, Fraction(1, scale)) == pytest.approx(wave, abs=0.01)


@pytest.mark.parametrize(
    ("length", "scale", "expected"), [(7, 0.5, 4), (30, 0.1, 3), (10, Fraction(1, 3), 4), (5, 3, 15)]
)
def test_sizes_are_rounded_up(length: int, scale: Fraction | float, expected: int) -> None:
    assert resize_bicubic(np.zeros((length, length)), scale).shape == (expected, expected)


def test_a_given_size_cuts_or_extends_without_moving_the_samples() -> None:
    image = np.random.default_rng(0).random((9, 9))
    whole = resize_bicubic(image, 2)
    assert np.array_equal(resize_bicubic(image, 2, (17, 15)), whole[:17, :15])


def test_overshoot_is_clamped_in_bytes_and_kept_in_floats() -> None:
    edge = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1).repeat(4, axis=0)
    assert resize_bicubic(edge, 2).min() == 0 and resize_bicubic(edge, 2).max() == 255
    floats = resize_bicubic(edge.astype(float), 2)
    assert (floats.min(), floats.max()) == (-255 * 9 / 128, 255 + 255 * 9 / 128)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_bands_are_resized_one_by_one_and_the_type_is_kept(dtype: Any) -> None:
    image = np.random.default_rng(1).integers(0, 256, (20, 14, 4)).astype(dtype)
    resized = resize_bicubic(image, Fraction(1, 2))
    assert resized.dtype == dtype and resized.flags["C_CONTIGUOUS"]
    for band in range(4):
        assert np.array_equal(resized[..., band], resize_bicubic(image[..., band], Fraction(1, 2)))


@pytest.mark.parametrize(
    ("image", "scale"),
    [
        (np.zeros(4), 2),
        (np.zeros((0, 4)), 2),
        (np.zeros((4, 4), np.int64), 2),
        (np.zeros((4, 4)), 0),
        (np.zeros((4, 4)), -1),
        (np.zeros((4, 4)), float("nan")),
    ],
)
def test_what_cannot_be_resized_is_refused(image: NDArray[Any], scale: float) -> None:
    with pytest.raises(UserError):
        resize_bicubic(image, scale)


def test_cropping_to_a_multiple_takes_from_the_bottom_and_right() -> None:
    image = np.arange(7 * 9).reshape(7, 9)
    assert np.array_equal(crop_to_multiple(image, 4), image[:4, :8])
    assert crop_to_multiple(image, 1).shape == (7, 9)
    with pytest.raises(UserError, match="7x9 pixels cannot be cut to a multiple of 8"):
        crop_to_multiple(image, 8)
