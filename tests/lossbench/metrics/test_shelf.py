"""Metrics against closed forms and other libraries, and what the protocol makes of a picture."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from _golden import floats, photograph
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, niqe, protocol_of, score


def test_psnr_of_one_level_everywhere_is_the_closed_form() -> None:
    target = np.full((3, 9, 7), 100 / 255)
    assert score("psnr", target + 1 / 255, target) == pytest.approx(20 * math.log10(255), abs=1e-12)
    # limited-range luma moves by 219 / 255 of a level: 1.32 dB more
    gain = 20 * math.log10(255 / 219)
    assert score("psnr", target + 1 / 255, target, protocol="y601") == pytest.approx(48.1308036 + gain, abs=1e-6)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    target = floats(photograph("chelsea"))
    assert score("psnr", target, target) == math.inf
    # differences below half a level vanish by rounding
    assert score("psnr", target + 0.4 / 255, target) == math.inf
    assert score("psnr", target + 0.4 / 255, target, protocol=Protocol(rounding=False)) < 60


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(3, 30),
    width=st.integers(3, 30),
    bands=st.integers(1, 5),
    crop=st.integers(0, 1),
    seed=st.integers(0, 99),
)
def test_psnr_agrees_with_scikit_image_on_any_size(height: int, width: int, bands: int, crop: int, seed: int) -> None:
    ours, theirs = np.random.default_rng(seed).integers(0, 256, (2, bands, height, width), dtype=np.uint8)
    inside = (slice(None), slice(crop, height - crop), slice(crop, width - crop))
    expected = peak_signal_noise_ratio(theirs[inside], ours[inside], data_range=255)  # type: ignore[no-untyped-call]
    assert score("psnr", ours / 255, theirs / 255, protocol=Protocol(crop=crop)) == pytest.approx(expected, abs=1e-9)


def test_psnr_is_symmetric_and_falls_with_noise() -> None:
    target, generator = floats(photograph("chelsea")), np.random.default_rng(0)
    noisy = [np.clip(target + generator.normal(0, sigma / 255, target.shape), 0, 1) for sigma in (5, 15, 50)]
    values = [score("psnr", image, target) for image in noisy]
    assert values == sorted(values, reverse=True)
    assert score("psnr", noisy[0], target) == score("psnr", target, noisy[0])


def test_luma_has_the_published_coefficients() -> None:
    red_white_black = np.array([[1.0, 1, 0], [0, 1, 0], [0, 1, 0]]).reshape(3, 1, 3)
    assert Protocol("y601").apply(red_white_black).ravel() == pytest.approx([16 + 65.481, 235, 16], abs=1e-10)
    assert Protocol("y601_rounded").apply(red_white_black).ravel().tolist() == [81, 235, 16]
    unrounded = Protocol("gray", rounding=False).apply(red_white_black)
    assert unrounded.ravel() == pytest.approx([0.299 * 255, 255, 0], abs=2e-5)
    assert Protocol("gray").apply(red_white_black).ravel().tolist() == [76, 255, 0]


GRAY = [name for name in plugins.names("metrics") if "gray" in load(name).colours and load(name).OVER == "picture"]


EXACT = ("artefacts", "echoes", "grid", "ringing", "vif_unit_range")
"""What looks below a level, and says so in its protocol."""


@pytest.mark.parametrize("name", [name for name in GRAY if name not in EXACT])
def test_gray_is_in_whole_levels_for_every_metric(name: str) -> None:
    target = floats(photograph("chelsea"))[:, :200, :208]
    prediction = np.clip(target + np.random.default_rng(0).normal(0, 0.05, target.shape), 0, 1)
    unrounded = Protocol("gray", rounding=False)
    levels = [np.round(image * 255) / 255 for image in (prediction, target)]
    lumas = [np.round(unrounded.apply(image)) / 255 for image in levels]
    # a single band is luma already
    expected = score(name, *lumas, protocol="gray")
    assert score(name, prediction, target, protocol="gray") == pytest.approx(expected, rel=1e-9)
    assert protocol_of(name, "gray").describe() == "gray, crop 0, 8-bit"


@pytest.mark.parametrize("name", EXACT)
def test_a_metric_that_looks_below_a_level_says_so_in_its_protocol(name: str) -> None:
    target = floats(photograph("chelsea"))[:, :200, :208]
    prediction = np.round(np.clip(target + np.random.default_rng(0).normal(0, 0.05, target.shape), 0, 1) * 255) / 255
    unrounded = Protocol("gray", rounding=False)
    expected = score(name, prediction, target, protocol=unrounded)
    assert score(name, prediction, target, protocol="gray") == expected
    assert protocol_of(name, "gray").describe() == "gray, crop 0, 8-bit, luma not rounded"
    assert protocol_of(name, unrounded).describe() == "gray, crop 0, not rounded"


def test_one_band_is_luma_already_and_colour_beside_it_is_rgb2gray() -> None:
    band = floats(photograph("chelsea"))[:1]
    repeated = np.repeat(band, 3, axis=0)
    for colour in ("y601", "y601_rounded", "gray"):
        assert np.array_equal(Protocol(colour).apply(band), np.round(band * 255))
        assert np.array_equal(Protocol(colour).beside_grey(repeated), np.round(band * 255) / 255)
    assert Protocol("rgb").beside_grey(repeated) is repeated
    clip = np.stack([repeated, repeated])
    assert Protocol("y601").beside_grey(clip).shape == (2, 1, 300, 448)
    red = np.array([1.0, 0, 0]).reshape(3, 1, 1)
    assert Protocol("y601").beside_grey(red).item() * 255 == pytest.approx(76)


def test_rounded_luma_is_in_whole_levels_with_halves_downwards() -> None:
    red, green, blue = np.meshgrid(*[np.arange(256)] * 3, indexing="ij")
    exact = 65481 * red + 128553 * green + 24966 * blue
    half = exact % 255000 == 127500
    image = np.stack([red[half], green[half], blue[half]])[:, None] / 255
    assert image.shape == (3, 1, 194)
    assert np.array_equal(Protocol("y601_rounded").apply(image)[0, 0], 16 + exact[half] // 255000)
    target = floats(photograph("chelsea"))
    luma = Protocol("y601_rounded", 2).apply(target)
    assert np.array_equal(luma, luma.round()) and luma.shape == (1, 296, 444)
    assert 0 < np.abs(luma - Protocol("y601", 2).apply(target)).max() <= 0.5 + 1e-9


def test_values_beyond_the_range_are_clamped_rounded_and_cropped() -> None:
    image = np.full((2, 5, 6), 1.2)
    image[:, 2, 2:4] = [-0.3, 0.31]
    assert np.array_equal(Protocol(crop=2).apply(image), [[[0, 79]], [[0, 79]]])
    assert Protocol(crop=2, rounding=False).apply(image)[0, 0, 1] == pytest.approx(79.05)


@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        (Protocol(), "RGB, crop 0, 8-bit"),
        (Protocol("y601", 4), "Y (BT.601), crop 4, 8-bit"),
        (Protocol("y601_rounded", 4), "Y (BT.601, rounded), crop 4, 8-bit"),
        (Protocol("gray", 10, rounding=False), "gray, crop 10, not rounded"),
    ],
)
def test_a_protocol_describes_itself(protocol: Protocol, text: str) -> None:
    assert protocol.describe() == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 255, r"values .* to 2\d\d(\.\d+)? are not in \[0, 1\]"),
        (lambda x: x * 2 - 1, r"values -\S+ to \S+ are not in \[0, 1\]"),
        (lambda x: (x * 255).astype(np.uint8), "uint8 values"),
        (lambda x: np.where(x == x.max(), np.nan, x), "NaN or infinite"),
        (lambda x: np.where(x == x.max(), np.inf, x), "NaN or infinite"),
        (lambda x: x[0], r"shape \(300, 448\) is not \(C, H, W\)"),
        (lambda x: x[None], r"shape \(1, 3, 300, 448\) is not \(C, H, W\)"),
        (lambda x: x[:, :0], "is not"),
    ],
)
@pytest.mark.parametrize("name", ["psnr", "niqe"])
def test_a_picture_that_means_something_else_is_refused(name: str, change: Any, message: str) -> None:
    image = change(floats(photograph("chelsea")))
    with pytest.raises(UserError, match=f"prediction: .*{message}"):
        score(name, image, image)


def test_the_target_is_checked_like_the_prediction() -> None:
    image = floats(photograph("chelsea"))
    with pytest.raises(UserError, match="target: values"):
        score("psnr", image, image * 255)


def test_pictures_of_two_sizes_are_refused() -> None:
    image = floats(photograph("chelsea"))
    with pytest.raises(UserError, match=r"prediction: shape \(3, 300, 448\), target: \(3, 300, 447\)"):
        score("psnr", image, image[..., 1:])


def test_a_crop_that_leaves_nothing_is_refused() -> None:
    image = np.zeros((3, 8, 20))
    assert score("psnr", image, image, protocol=Protocol(crop=3)) == math.inf
    with pytest.raises(UserError, match="crop 4 leaves nothing of 8x20 pixels"):
        score("psnr", image, image, protocol=Protocol(crop=4))
    with pytest.raises(UserError, match="crop -1 is negative"):
        Protocol(crop=-1)


def test_luma_of_four_bands_is_refused() -> None:
    image = np.zeros((4, 8, 8))
    assert score("psnr", image, image) == math.inf
    with pytest.raises(UserError, match="4 bands have no luma 'y601'"):
        score("psnr", image, image, protocol="y601")


@pytest.mark.parametrize("shape", [(191, 512), (191, 191), (100, 300)])
def test_niqe_refuses_fewer_than_four_blocks(shape: tuple[int, int]) -> None:
    image = floats(photograph("astronaut"))[:, : shape[0], : shape[1]]
    if shape == (191, 512):
        assert score("niqe", image) > 0
        return
    with pytest.raises(UserError, match="niqe needs 4; use pictures of 192x192 or more"):
        score("niqe", image)


def test_niqe_counts_its_blocks_after_the_crop() -> None:
    image = floats(photograph("astronaut"))[:, :192, :192]
    assert score("niqe", image) > 0
    with pytest.raises(UserError, match="188x188 pixels hold 1 blocks"):
        score("niqe", image, protocol=Protocol("y601", 2))


def test_niqe_leaves_flat_blocks_out() -> None:
    """The value is BasicSR 1.4.4's, whose half-size picture is not quite flat where this one is, hence 2e-3."""
    image = photograph("astronaut").copy()
    image[:200, :200], image[-150:, -260:] = 0, 255
    assert score("niqe", floats(image)) == pytest.approx(5.322953, abs=2e-3)


def test_niqe_refuses_a_picture_without_texture() -> None:
    with pytest.raises(UserError, match="0 of 4 blocks have texture"):
        score("niqe", np.full((3, 192, 192), 0.5))


def test_niqe_looks_at_no_target_and_takes_its_usual_luma_under_rgb() -> None:
    image = floats(photograph("chelsea"))
    value = score("niqe", image)
    assert score("niqe", image, image * 0, protocol="rgb") == value == score("niqe", image, protocol="y601")
    assert protocol_of("niqe", Protocol("rgb", 4)) == Protocol("y601", 4)
    assert protocol_of("niqe") == Protocol("y601") and protocol_of("psnr") == Protocol("rgb")
    with pytest.raises(UserError, match="niqe is not defined for the protocol 'rgb'"):
        niqe.score(image, None, Protocol("rgb"))


def test_tensors_score_as_arrays_do() -> None:
    target = floats(photograph("chelsea"))
    prediction = np.clip(target + 0.11, 0, 1)
    expected = score("psnr", prediction, target, protocol="y601")
    tensors = torch.from_numpy(prediction).float().requires_grad_(), torch.from_numpy(target).float()
    assert score("psnr", *tensors, protocol="y601") == expected
    half = torch.full((3, 4, 4), 0.5, dtype=torch.bfloat16)
    assert score("psnr", half, half.float()) == math.inf


def test_a_missing_target_and_unknown_names_are_named() -> None:
    image = np.zeros((3, 8, 8))
    with pytest.raises(UserError, match="psnr compares with a target"):
        score("psnr", image)
    with pytest.raises(UserError, match=r"unknown metric 'psrn' .*did you mean 'psnr'"):
        score("psrn", image, image)
    with pytest.raises(UserError, match=r"unknown colour 'ycbcr'; .*gray, rgb, y601, y601_rounded"):
        score("psnr", image, image, protocol="ycbcr")


@pytest.mark.parametrize(("name", "better", "needs_target"), [("psnr", "up", True), ("niqe", "down", False)])
def test_a_metric_says_what_it_is(name: str, better: str, needs_target: bool) -> None:
    metric = load(name)
    assert (metric.better, metric.needs_target) == (better, needs_target)
    assert metric.SOURCE and isinstance(metric.unit, str)
