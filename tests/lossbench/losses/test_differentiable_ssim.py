"""The differentiable SSIM against scikit-image and against a convolution in float64."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lossbench.losses._ssim import ssim_distance


def picture(height: int, width: int, seed: int = 0, number: int = 2) -> Tensor:
    """(number, 3, height, width) of waves and noise in [0, 1], float64."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.arange(number * 3 * height * width, dtype=torch.float64).view(number, 3, height, width)
    noise = torch.rand(steps.shape, generator=generator, dtype=torch.float64)
    return (torch.sin(steps * 0.19 + seed) * 0.35 + 0.5 + 0.3 * (noise - 0.5)).clamp(0, 1)


def of_skimage(prediction: Tensor, target: Tensor) -> float:
    """Return the mean of scikit-image's SSIM of each picture."""
    from skimage import metrics

    structural_similarity: Any = metrics.structural_similarity
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    values = [
        structural_similarity(p.numpy(), t.numpy(), channel_axis=0, **options)
        for p, t in zip(prediction, target, strict=True)
    ]
    return float(sum(values) / len(values))


def zero_padded(prediction: Tensor, target: Tensor) -> float:
    """Return the mean SSIM with same-size windows on a black surround, by the textbook formula."""
    bell = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = (torch.outer(bell, bell) / bell.sum() ** 2).view(1, 1, 11, 11)

    def mean(image: Tensor) -> Tensor:
        return F.conv2d(image.reshape(-1, 1, *image.shape[-2:]), window, padding=5)

    p, t = mean(prediction), mean(target)
    var_p, var_t = mean(prediction**2) - p**2, mean(target**2) - t**2
    covariance = mean(prediction * target) - p * t
    ssim = (2 * p * t + 1e-4) * (2 * covariance + 9e-4) / ((p**2 + t**2 + 1e-4) * (var_p + var_t + 9e-4))
    return float(ssim.mean())


@settings(max_examples=25, deadline=None)
@given(height=st.integers(11, 40), width=st.integers(11, 40), error=st.sampled_from([0.003, 0.1, 1.0]))
def test_it_is_one_minus_the_ssim_of_scikit_image(height: int, width: int, error: float) -> None:
    target = picture(height, width)
    prediction = target + error * (picture(height, width, seed=1) - target)
    expected = 1 - of_skimage(prediction, target)
    assert float(ssim_distance(prediction, target)) == pytest.approx(expected, abs=1e-12)
    assert float(ssim_distance(prediction.float(), target.float())) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 30), width=st.integers(1, 30))
def test_a_black_surround_lets_every_size_pass(height: int, width: int) -> None:
    prediction, target = picture(height, width, seed=1), picture(height, width)
    expected = 1 - zero_padded(prediction, target)
    assert float(ssim_distance(prediction, target, zero_padded=True)) == pytest.approx(expected, abs=1e-12)


def test_two_flat_pictures_give_the_hand_computed_value() -> None:
    # only the luminance term is left: 1 - (2 * 0.2 * 0.4 + 1e-4) / (0.04 + 0.16 + 1e-4)
    dark, bright = torch.full((1, 3, 12, 13), 0.2), torch.full((1, 3, 12, 13), 0.4)
    assert float(ssim_distance(dark, bright)) == pytest.approx(0.04 / 0.2001, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_pictures_have_no_distance(value: float) -> None:
    flat = torch.full((1, 1, 16, 16), value)
    for image in (flat, picture(16, 16).float()):
        for surround in (False, True):
            assert float(ssim_distance(image, image.clone(), zero_padded=surround)) == 0


@pytest.mark.parametrize("error", [1e-6, 1e-4, 1e-2, 100.0])
def test_it_is_never_negative_and_keeps_small_distances(error: float) -> None:
    target = torch.full((1, 3, 20, 20), 0.9) + 0.001 * picture(20, 20, number=1).float()
    prediction = target + error * picture(20, 20, seed=3, number=1).float()
    found = float(ssim_distance(prediction, target))
    expected = float(ssim_distance(prediction.double(), target.double()))
    assert found > 0
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("surround", [False, True])
def test_its_gradient_is_that_of_finite_differences(surround: bool) -> None:
    prediction, target = picture(12, 13, seed=1, number=1).requires_grad_(), picture(12, 13, number=1)
    assert torch.autograd.gradcheck(lambda p: ssim_distance(p, target, zero_padded=surround), prediction)


def test_the_black_surround_supervises_the_corner_and_the_inner_windows_hardly_do() -> None:
    strengths = []
    for surround in (False, True):
        prediction, target = picture(24, 24, seed=1).requires_grad_(), picture(24, 24)
        ssim_distance(prediction, target, zero_padded=surround).backward()
        assert prediction.grad is not None
        strengths.append(float(prediction.grad[..., 0, 0].abs().mean() / prediction.grad.abs().mean()))
    assert strengths[0] < 1e-3
    assert strengths[1] > 0.1


def test_the_result_is_float32_under_autocast_and_for_bfloat16() -> None:
    prediction, target = picture(16, 16, seed=1).float(), picture(16, 16).float()
    expected = ssim_distance(prediction, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ssim_distance(prediction, target), expected)
    found = ssim_distance(prediction.bfloat16(), target)
    assert found.dtype == torch.float32
    assert math.isclose(float(found), float(expected), abs_tol=0.01)


@pytest.mark.parametrize("surround", [False, True])
def test_the_negative_of_a_picture_is_far_away_and_pushed_back(surround: bool) -> None:
    target = picture(24, 24)
    # the product of two negative terms: scikit-image's SSIM takes the negative for nearly equal
    assert of_skimage(-target, target) > 0.98
    assert float(ssim_distance(-target, target, zero_padded=surround)) > 1.99
    prediction = (-0.1 * target).requires_grad_()
    ssim_distance(prediction, target, zero_padded=surround).backward()
    assert prediction.grad is not None
    assert (prediction.grad < 0).all()


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 10)])
def test_a_picture_below_the_window_is_named(height: int, width: int) -> None:
    image = picture(height, width)
    with pytest.raises(ValueError, match=f"needs 11 x 11 px or more, got {height} x {width}"):
        ssim_distance(image, image)


def test_shapes_that_differ_are_not_broadcast() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        ssim_distance(picture(16, 16), picture(16, 16, number=1))
