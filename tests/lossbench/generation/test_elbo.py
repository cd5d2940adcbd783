"""The negative evidence lower bound: by hand on two pixels, and per picture whatever its size."""

import math

import pytest
import torch

from lossbench import losses
from lossbench.generation.elbo import drawn, kl_divergence, negative_elbo, squared_errors


def test_the_divergence_of_two_latents_by_hand() -> None:
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(4.0)]])
    # (1 + 1 - 1 - 0) / 2 and (4 + 4 - 1 - log 4) / 2
    expected = 0.5 + (7 - math.log(4)) / 2
    assert float(kl_divergence(mean, log_variance)) == pytest.approx(expected, rel=1e-6)
    assert float(kl_divergence(torch.zeros(1, 3), torch.zeros(1, 3))) == 0


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        # differences 0.25 and -0.5
        ("scaled_l2", {"scale": 5.0}, 5 * (0.0625 + 0.25)),
        ("original", {"pixel": "l1"}, 0.75),
        ("log_cosh", {"a": 10.0}, (math.log(math.cosh(2.5)) + math.log(math.cosh(5.0))) / 10),
    ],
)
def test_the_bound_of_a_picture_of_two_pixels_by_hand(name: str, arguments: dict[str, object], expected: float) -> None:
    target = torch.tensor([0.5, 1.0]).view(1, 1, 1, 2)
    prediction = torch.tensor([0.75, 0.5]).view(1, 1, 1, 2)
    mean, log_variance = torch.tensor([[3.0]]), torch.tensor([[0.0]])
    terms = negative_elbo(losses.build(name, **arguments), prediction, target, mean, log_variance)
    assert float(terms["reconstruction"]) == pytest.approx(expected, rel=1e-6)
    assert float(terms["kl"]) == pytest.approx(4.5)
    assert squared_errors(prediction, target).tolist() == pytest.approx([0.3125])


def test_the_step_reaches_a_loss_that_asks_for_it() -> None:
    architecture = {"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1}
    loss = losses.build("random_cmae", architecture=architecture, every=2)
    target, latent = torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 2)
    found = [negative_elbo(loss, target + 0.1, target, latent, latent, step)["reconstruction"] for step in (0, 1)]
    assert float(found[1]) == pytest.approx(0.1 * 3 * 16 * 16, rel=1e-5)
    assert float(found[0]) > float(found[1])


def test_the_bound_is_of_a_picture_whatever_the_batch_and_the_size() -> None:
    loss = losses.build("log_cosh", a=50.0)
    target, mean, log_variance = torch.full((1, 1, 4, 4), 0.5), torch.ones(1, 2), torch.zeros(1, 2)
    one = negative_elbo(loss, target + 0.1, target, mean, log_variance)
    batch = [part.expand(8, *part.shape[1:]) for part in (target + 0.1, target, mean, log_variance)]
    many = negative_elbo(loss, *batch)
    assert {name: float(value) for name, value in many.items()} == pytest.approx(
        {name: float(value) for name, value in one.items()}
    )
    large = target.repeat(1, 1, 2, 2)
    four = negative_elbo(loss, large + 0.1, large, mean, log_variance)
    # four times the pixels count four times, and the divergence once
    assert float(four["reconstruction"]) == pytest.approx(4 * float(one["reconstruction"]), rel=1e-5)
    assert float(four["kl"]) == float(one["kl"])


def test_latents_are_drawn_with_gradients_to_mean_and_variance() -> None:
    mean, log_variance = torch.tensor([[2.0]], requires_grad=True), torch.tensor([[math.log(9.0)]], requires_grad=True)
    latents = drawn(mean, log_variance, torch.tensor([[1.5]]))
    assert float(latents.detach()) == pytest.approx(6.5)
    latents.sum().backward()
    assert mean.grad is not None and float(mean.grad) == 1
    assert log_variance.grad is not None and float(log_variance.grad) == pytest.approx(2.25)
