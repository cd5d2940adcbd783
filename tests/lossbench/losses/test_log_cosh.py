"""The log-cosh loss against numbers worked out by hand."""

import math
import re

import numpy as np
import pytest
import torch

from lossbench import losses
from lossbench.errors import UserError
from lossbench.losses.log_cosh import log_cosh


@pytest.mark.parametrize(
    ("a", "values"),
    [
        (1, [0.00005, 0.00125, 0.00499, 0.1201]),
        (10, [0.00050, 0.01201, 0.04338, 0.4307]),
        (100, [0.00434, 0.04307, 0.09307, 0.4931]),
    ],
)
def test_log_cosh_of_tabulated_differences(a: float, values: list[float]) -> None:
    differences = [0.01, 0.05, 0.1, 0.5]
    for difference, expected in zip(differences, values, strict=True):
        for sign in (1, -1):
            found = float(log_cosh(torch.tensor(sign * difference), a))
            assert found == pytest.approx(expected, abs=6e-6 if expected < 0.1 else 6e-5)
            assert found == pytest.approx(math.log(math.cosh(a * difference)) / a, rel=2e-6)


def test_log_cosh_is_the_mean_over_pixels() -> None:
    target = torch.zeros(1, 1, 2, 2)
    prediction = torch.tensor([0.0, 0.1, -0.5, 2.0]).view(1, 1, 2, 2)
    expected = np.mean([math.log(math.cosh(10 * value)) / 10 for value in (0.0, 0.1, 0.5, 2.0)])
    assert losses.build("log_cosh", a=10)(prediction, target).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [44, 89, 1e3, 1e6])
def test_log_cosh_far_away_is_the_distance_less_a_constant(dtype: torch.dtype, size: float) -> None:
    a = 255.0
    prediction = torch.tensor([-size / a, size / a]).view(1, 1, 1, 2).to(dtype).requires_grad_()
    loss = losses.build("log_cosh", a=a)(prediction, torch.zeros(1, 1, 1, 2))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(prediction.detach().float().abs().mean().item() - math.log(2) / a, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, prediction)
    assert gradient.flatten().tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("a", [0.5, 1.0, 10.0, 255.0])
def test_the_gradient_of_log_cosh_is_tanh_and_never_missing(a: float) -> None:
    scaled = torch.cat([torch.linspace(-30, 30, 6001), torch.tensor([1e-7, -1e-7, 1e-3, 1.0, -1.0, 0.0])])
    difference = (scaled / a).requires_grad_()
    (gradient,) = torch.autograd.grad(log_cosh(difference, a).sum(), difference)
    np.testing.assert_allclose(gradient, (a * difference.detach().double()).tanh(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("a", [0.5, 1.0, 10.0, 255.0])
def test_the_curvature_of_log_cosh_at_zero_is_a(a: float) -> None:
    for dtype in (torch.float32, torch.float64):
        zero = torch.zeros((), dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(log_cosh(zero, a), zero, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, zero)
        assert curvature.item() == pytest.approx(a, rel=1e-6)
    step = 1e-4 / a
    low, middle, high = log_cosh(torch.tensor([-step, 0, step], dtype=torch.float64), a).tolist()
    assert (low - 2 * middle + high) / step**2 == pytest.approx(a, rel=1e-6)


def test_log_cosh_joins_its_two_forms_smoothly() -> None:
    scaled = torch.tensor([1 - 1e-9, 1.0, 1 + 1e-9], dtype=torch.float64, requires_grad=True)
    values = log_cosh(scaled, 1.0)
    (slopes,) = torch.autograd.grad(values.sum(), scaled)
    np.testing.assert_allclose(values.detach(), math.log(math.cosh(1)), atol=2e-9)
    np.testing.assert_allclose(slopes, math.tanh(1), atol=2e-9)


@pytest.mark.parametrize("a", [0, -1.0, math.nan, math.inf, 5e-324, 1e39])
def test_a_curvature_that_is_not_positive_is_named(a: float) -> None:
    with pytest.raises(UserError, match=re.escape(f"log_cosh: a = {a} is not a positive number")):
        losses.build("log_cosh", a=a)


def test_a_curvature_of_numpy_is_a_number() -> None:
    pair = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    for a in (np.int64(10), np.float32(10)):
        assert losses.build("log_cosh", a=a)(*pair) == losses.build("log_cosh", a=10.0)(*pair)
