"""Losses without a loss network: closed forms, the exact metrics and public libraries, and what is refused."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from _golden import floats, photograph
from _losses import uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import convolve1d
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.losses.fft import spectral_l1
from lossbench.losses.gradient import gradient_l1
from lossbench.losses.laplacian import KERNEL, pyramid
from lossbench.losses.ms_ssim import EXPONENTS, LEAST, ms_ssim_distance
from lossbench.metrics import Protocol, score
from lossbench.terms import WeightedTerms

PIXELS = ("l1", "l2", "charbonnier")
OWN = {"ssim": 11, "ms_ssim": 161, "fft": 1, "gradient": 2, "focal_frequency": 1, "laplacian": 9}
"""Losses with a term of their own, and the pixels a side that they need."""
EXACT = Protocol(rounding=False)


def value(name: str, prediction: Tensor, target: Tensor, **arguments: Any) -> float:
    return float(lossbench.create_loss(name, **arguments)(prediction, target))


def degraded(kind: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return a photograph, degraded, and itself: (1, 3, 170, 176) in [0, 1], float32."""
    target = torch.tensor(floats(photograph("astronaut")[20:190, 30:206]), dtype=torch.float32)[None]
    match kind:
        case "noise":
            change = 0.1 * torch.randn(target.shape, generator=torch.Generator().manual_seed(seed))
        case "blur":
            change = torch.nn.functional.avg_pool2d(target, 5, 1, 2, count_include_pad=False) - target
        case "near":
            change = 1e-3 * (uniform(*target.shape) - 0.5)
        case _:
            change = torch.full_like(target, 0.1)
    return (target + change).clamp(0, 1), target


@pytest.mark.parametrize("name", PIXELS)
def test_a_pixel_loss_is_the_original_under_its_own_name(name: str) -> None:
    loss, original = lossbench.create_loss(name), lossbench.create_loss("original", pixel=name)
    assert type(loss) is type(original) and loss.weights == {"pixel": 1.0}
    prediction, target = uniform(2, 3, 20, 24, seed=2).requires_grad_(), uniform(2, 3, 20, 24, seed=3)
    found, expected = loss(prediction, target), original(prediction, target)
    assert torch.equal(found, expected)
    assert torch.equal(*(torch.autograd.grad(each, prediction)[0] for each in (found, expected)))


def test_the_pixel_losses_are_those_of_torch() -> None:
    prediction, target = uniform(2, 3, 20, 24, seed=2), uniform(2, 3, 20, 24, seed=3)
    assert value("l1", prediction, target) == pytest.approx(float(torch.nn.L1Loss()(prediction, target)), rel=1e-6)
    assert value("l2", prediction, target) == pytest.approx(float(torch.nn.MSELoss()(prediction, target)), rel=1e-6)


@pytest.mark.parametrize("kind", ["noise", "blur", "near", "brighter"])
@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_a_similarity_is_one_minus_the_exact_metric(name: str, kind: str) -> None:
    prediction, target = degraded(kind)
    expected = 1 - score(name, prediction[0].numpy().astype(float), target[0].numpy().astype(float), protocol=EXACT)
    assert value(name, prediction, target) == pytest.approx(expected, rel=2e-4, abs=3e-6)


@pytest.mark.parametrize("kind", ["noise", "blur", "brighter"])
def test_the_similarities_are_those_of_piq(kind: str) -> None:
    piq = pytest.importorskip("piq")
    prediction, target = degraded(kind)
    ssim = piq.ssim(prediction.double(), target.double(), data_range=1.0, downsample=False)
    assert value("ssim", prediction, target) == pytest.approx(1 - float(ssim), rel=2e-4)
    # 176 x 176 is even at every scale; of an odd size piq continues the other side
    even = [torch.cat([image, image[..., :6, :]], dim=-2) for image in (prediction, target)]
    several = piq.multi_scale_ssim(*(image.double() for image in even), data_range=1.0)
    assert value("ms_ssim", *even) == pytest.approx(1 - float(several), rel=2e-4, abs=3e-6)


def test_one_scale_is_the_similarity_itself() -> None:
    prediction, target = degraded("noise")
    assert value("ms_ssim", prediction, target, scales=1) == pytest.approx(value("ssim", prediction, target), rel=1e-5)


@pytest.mark.parametrize(("scales", "side"), [(1, 11), (2, 21), (3, 41), (4, 81), (5, 161)])
def test_each_scale_doubles_the_least_size(scales: int, side: int) -> None:
    loss = lossbench.create_loss("ms_ssim", scales=scales)
    fits, narrow = uniform(1, 1, side, side + 1), uniform(1, 1, side + 1, side - 1)
    assert float(loss(fits, fits.flip(2))) > 0
    message = rf"shape \(1, 1, {side + 1}, {side - 1}\): the loss 'ms_ssim' needs {side} pixels a side"
    with pytest.raises(UserError, match=message):
        loss(narrow, narrow)


@pytest.mark.parametrize(("name", "side"), OWN.items())
def test_a_picture_that_is_too_small_is_named_in_one_line(name: str, side: int) -> None:
    loss = lossbench.create_loss(name, pixel="l1")
    fits = uniform(1, 3, side, side + 5)
    assert float(loss(fits, fits)) == 0
    if side > 1:
        with pytest.raises(UserError, match=f"the loss '{name}' needs {side} pixels a side or more, .*; give larger"):
            loss(*2 * [uniform(1, 3, side - 1, side)])


def test_unrelated_and_inverted_pictures_are_further_than_the_metric_tells_and_led_back() -> None:
    target = uniform(2, 1, 161, 165)
    inverted = (1 - target).requires_grad_()
    loss = lossbench.create_loss("ms_ssim")
    found = loss(inverted, target)
    assert 1 < found.item() < 2
    (gradient,) = torch.autograd.grad(found, inverted)
    assert bool(gradient.isfinite().all())
    assert float(loss(inverted.detach() - 1e3 * gradient, target)) < found.item()


@settings(max_examples=40, deadline=None)
@given(similarity=st.floats(-1, 1), other=st.floats(0.01, 1))
def test_the_power_of_a_small_similarity_is_continued_without_a_jump(similarity: float, other: float) -> None:
    # what ms_ssim_distance makes of the similarities of two scales
    with pytest.MonkeyPatch.context() as patch:
        values = iter([similarity, other])
        zero = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
        patch.setattr("lossbench.losses.ms_ssim.parts", lambda *_: (zero, zero + 1 - next(values)))
        found = float(ms_ssim_distance(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32), scales=2))
    total = EXPONENTS[0] + EXPONENTS[1]
    first, second = EXPONENTS[0] / total, EXPONENTS[1] / total
    power = max(similarity, 0) * LEAST ** (first - 1) if similarity < LEAST else similarity**first
    assert found == pytest.approx(1 - power * other**second + first * max(-similarity, 0), abs=1e-9)


def test_the_spectral_loss_of_a_wave_is_that_of_its_two_frequencies() -> None:
    rows, columns = 16, 24
    wave = 0.25 * torch.cos(2 * math.pi * 3 * torch.arange(columns) / columns).expand(1, 1, rows, columns)
    target = torch.full((1, 1, rows, columns), 0.5)
    # two frequencies of rows * columns have a real part of half the amplitude times their number
    expected = 2 * 0.25 / 2 * rows * columns / (2 * rows * columns)
    assert value("fft", target + wave, target) == pytest.approx(expected, rel=1e-5)
    ortho = value("fft", target + wave, target, norm="ortho")
    assert ortho == pytest.approx(expected / math.sqrt(rows * columns), rel=1e-5)


def test_the_spectral_loss_is_that_of_two_transforms() -> None:
    prediction, target = degraded("blur")
    ours, theirs = (np.fft.fft2(image[0].numpy().astype(float)) for image in (prediction, target))
    expected = np.mean([np.abs((ours - theirs).real), np.abs((ours - theirs).imag)])
    assert value("fft", prediction, target) == pytest.approx(expected, rel=1e-4)


def test_the_gradient_loss_has_its_hand_computed_value() -> None:
    target = torch.zeros(1, 1, 4, 5)
    prediction = target.clone()
    prediction[0, 0, 1, 2] = 0.6
    # two steps down of 3 x 5 and two to the right of 4 x 4
    assert value("gradient", prediction, target) == pytest.approx(2 * 0.6 / 15 + 2 * 0.6 / 16, rel=1e-6)
    assert value("gradient", target + 0.3, target) == 0


TERMS = {
    "fft": spectral_l1,
    "fft ortho": partial(spectral_l1, norm="ortho"),
    "gradient": gradient_l1,
    **{f"ms_ssim {scales}": partial(ms_ssim_distance, scales=scales) for scales in (1, 2)},
}


@pytest.mark.parametrize("name", TERMS)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(1, 2, 22, 23, generator=generator, dtype=torch.float64)
    prediction = (target + 0.3 * torch.rand(target.shape, generator=generator, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda image: TERMS[name](image, target), prediction, fast_mode=True)


@pytest.mark.parametrize("name", [*PIXELS, *OWN])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name: str, kind: torch.dtype) -> None:
    loss = lossbench.create_loss(name)
    prediction, target = (image.to(kind) for image in degraded("noise"))
    found = loss(prediction.requires_grad_(), target)
    assert found.dtype == torch.float32
    assert torch.equal(found, loss(prediction.float(), target.float()))
    found.backward()
    assert prediction.grad is not None and prediction.grad.dtype == kind and bool(prediction.grad.isfinite().all())


@pytest.mark.parametrize("name", [*PIXELS, *OWN])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_frames_of_a_clip_and_any_number_of_bands_count_as_pictures_do(name: str, bands: int) -> None:
    loss = lossbench.create_loss(name)
    prediction, target = (uniform(2, 3, bands, 164, 163, seed=seed) for seed in (1, 2))
    whole = loss(prediction, target)
    assert float(whole) > 0
    assert float(loss(prediction.flatten(0, 1), target.flatten(0, 1))) == pytest.approx(float(whole), rel=1e-5)


@pytest.mark.parametrize(("name", "least", "most"), [("ssim", 0, 2), ("ms_ssim", 0, 2), ("gradient", 0, 2)])
def test_values_stay_in_their_range(name: str, least: float, most: float) -> None:
    target = uniform(1, 3, 165, 170)
    for prediction in (target, 1 - target, torch.zeros_like(target), uniform(1, 3, 165, 170, seed=9)):
        assert least <= value(name, prediction, target) <= most


def test_ms_ssim_and_l1_are_one_loss_of_both() -> None:
    """Zhao et al. 2017: 0.84 of MS-SSIM and 0.16 of L1, here by their proportion."""
    prediction, target = degraded("noise")
    loss = lossbench.create_loss("ms_ssim", pixel="l1", weight=5.25)
    parts = value("l1", prediction, target), value("ms_ssim", prediction, target)
    assert 0.16 * float(loss(prediction, target)) == pytest.approx(0.16 * parts[0] + 0.84 * parts[1], rel=1e-5)
    added: WeightedTerms = lossbench.create_loss("l1") + lossbench.create_loss("ms_ssim", weight=5.25)
    assert added.weights == loss.weights
    assert torch.equal(added(prediction, target), loss(prediction, target))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ms_ssim", {"scales": 6}, "scales = 6 is not a whole number from 1 to 5"),
        ("ms_ssim", {"scales": True}, "scales = True is not a whole number"),
        ("fft", {"norm": "orto"}, "loss 'fft': unknown norm 'orto'; did you mean 'ortho'"),
        ("ssim", {"pixel": "l3"}, "pixel: unknown distance 'l3'"),
        ("gradient", {"weight": -1}, "weight of term 'gradient': -1 is not a finite number"),
        ("l1", {"pixel": "l2"}, "loss 'l1' takes no argument 'pixel'"),
        ("ssim", {"every": 2}, "loss 'ssim' takes no argument 'every'"),
    ],
)
def test_what_is_no_setting_is_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        lossbench.create_loss(name, **arguments)


def wave(height: int, width: int, cycles: int) -> Tensor:
    return torch.cos(2 * math.pi * cycles * torch.arange(width) / width).expand(1, 1, height, width)


def test_a_frequency_counts_by_how_far_it_is_off() -> None:
    strong, weak, target = 0.4, 0.1, torch.full((1, 1, 12, 16), 0.5)
    both = target + strong * wave(12, 16, 3) + weak * wave(12, 16, 5)
    # a wave has half the square of its amplitude; the weaker one's weight is its share of the stronger one
    expected = strong**2 / 2 + weak / strong * weak**2 / 2
    assert value("focal_frequency", both, target) == pytest.approx(expected, rel=1e-5)
    expected = strong**2 / 2 + (weak / strong) ** 2 * weak**2 / 2
    assert value("focal_frequency", both, target, alpha=2.0) == pytest.approx(expected, rel=1e-5)
    # without that it is what Parseval says
    pair = degraded("noise")
    assert value("focal_frequency", *pair, alpha=0.0) == pytest.approx(value("l2", *pair), rel=1e-5)


def test_the_pyramid_is_that_of_burt_and_adelson() -> None:
    picture = uniform(1, 1, 37, 24)
    found = [level[0, 0].numpy() for level in pyramid(picture, 3)]
    assert [level.shape for level in found] == [(37, 24), (19, 12), (10, 6), (5, 3)]

    def blurred(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        for axis in (0, 1):
            values = convolve1d(values, KERNEL, axis=axis, mode="mirror")
        return values

    rest = picture[0, 0].numpy().astype(float)
    for level in found[:-1]:
        smaller = blurred(rest)[::2, ::2]
        spread = np.zeros_like(rest)
        spread[::2, ::2] = smaller
        np.testing.assert_allclose(level, rest - 4 * blurred(spread), atol=1e-6)
        rest = smaller
    np.testing.assert_allclose(found[-1], rest, atol=1e-6)


def test_an_even_offset_stands_in_what_is_left_of_the_pyramid_alone() -> None:
    target = uniform(2, 3, 40, 44)
    assert value("laplacian", target + 0.25, target) == pytest.approx(0.25, rel=1e-5)
    # fine noise stands in the first level most of all
    noise = 0.1 * (uniform(1, 1, 64, 64, seed=4) - 0.5)
    first, *others = (float(level.abs().mean()) for level in pyramid(noise, 3))
    assert first > 2 * max(others)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("focal_frequency", {"alpha": -1.0}, "alpha -1.0: give 0 to 8"),
        ("focal_frequency", {"alpha": float("nan")}, "alpha nan: give 0 to 8"),
        ("laplacian", {"levels": 0}, "levels 0: give 1 to 8"),
        ("laplacian", {"levels": 9}, "levels 9: give 1 to 8"),
    ],
)
def test_a_number_of_no_use_is_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"loss '{name}': {message}"):
        lossbench.create_loss(name, **arguments)
