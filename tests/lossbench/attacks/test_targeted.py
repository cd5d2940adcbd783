"""Attacks: inside ball and box, out of reach of the model, and the same points that foolbox finds."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench.attacks import adaptive, targeted
from lossbench.attacks.targeted import perturb

EPSILON = 1e-5


class Small(nn.Module):
    """All that an attack could disturb: batch statistics, dropout, a frozen layer, a part in evaluation mode."""

    def __init__(self, bands: int = 3, classes: int = 4, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(bands, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.frozen = nn.Conv2d(6, 6, 1).requires_grad_(False)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Linear(6, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.dropout(F.elu(self.frozen(F.elu(self.norm(self.first(images))))))
        logits: Tensor = self.last(features.mean((2, 3)))
        return logits


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def distances(one: Tensor, other: Tensor) -> list[float]:
    return [float(value) for value in (one - other).double().flatten(1).norm(dim=1)]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 4),
    bands=st.sampled_from([1, 3]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    radius=st.floats(1e-3, 20),
    steps=st.integers(0, 6),
    length=st.one_of(st.none(), st.floats(1e-3, 50)),
    targeted=st.booleans(),
    random_start=st.booleans(),
    black_and_white=st.booleans(),
)
def test_no_image_leaves_the_ball_or_the_box(
    seed: int,
    count: int,
    bands: int,
    height: int,
    width: int,
    radius: float,
    steps: int,
    length: float | None,
    targeted: bool,
    random_start: bool,
    black_and_white: bool,
) -> None:
    images = uniform(count, bands, height, width, seed=seed)
    images = images.round() if black_and_white else images
    targets = torch.arange(count) % 4
    generator = np.random.default_rng(seed)
    found = perturb(Small(bands, seed=seed), images, targets, radius, steps, length, targeted, random_start, generator)
    assert found.shape == images.shape
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert max(distances(found, images)) <= radius + EPSILON


@pytest.mark.parametrize("attack", ["targeted", "untargeted", "adaptive"])
def test_the_model_is_afterwards_as_it_was_to_the_bit(attack: str) -> None:
    model = Small().train()
    model.dropout.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    trainable = [parameter.requires_grad for parameter in model.parameters()]
    random = torch.get_rng_state()
    images, labels = uniform(3, 3, 8, 8), torch.tensor([0, 1, 2])
    if attack == "adaptive":
        adaptive.survivors(model, images, labels, 1.0, 5)
    else:
        perturb(model, images, labels, 1.0, 5, targeted=attack == "targeted")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes == [True, True, True, True, False, True]
    assert [parameter.requires_grad for parameter in model.parameters()] == trainable
    assert not all(trainable)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert not images.requires_grad


def test_gradients_that_were_there_stay() -> None:
    model = Small().train()
    model(uniform(2, 3, 8, 8)).sum().backward()
    before = [None if parameter.grad is None else parameter.grad.clone() for parameter in model.parameters()]
    perturb(model, uniform(2, 3, 8, 8), torch.tensor([0, 1]), 1.0, 3)
    for parameter, gradient in zip(model.parameters(), before, strict=True):
        assert (parameter.grad is None and gradient is None) or torch.equal(parameter.grad, gradient)  # type: ignore[arg-type]


def test_the_model_is_restored_when_it_fails_in_the_attack() -> None:
    model = Small().train()
    with pytest.raises(RuntimeError):
        perturb(model, uniform(1, 5, 8, 8), torch.tensor([0]), 1.0, 1)
    assert model.training and model.first.weight.requires_grad


def test_the_attack_sees_the_model_in_evaluation_mode_and_takes_no_gradient_of_it() -> None:
    model = Small().train()
    seen: list[tuple[bool, bool]] = []
    model.first.register_forward_pre_hook(lambda module, _: seen.append((module.training, module.weight.requires_grad)))
    with torch.no_grad():
        found = perturb(model, uniform(1, 3, 8, 8), torch.tensor([2]), 0.5, 3)
    assert seen == [(False, False)] * 3
    assert not found.requires_grad


def test_an_attack_is_the_same_every_time_and_for_every_image_alone() -> None:
    model, images, targets = Small(), uniform(3, 3, 8, 8), torch.tensor([1, 2, 3])
    found = perturb(model, images, targets, 0.7, 5)
    assert torch.equal(found, perturb(model, images, targets, 0.7, 5))
    for index in range(3):
        alone = perturb(model, images[index : index + 1], targets[index : index + 1], 0.7, 5)
        assert float((alone - found[index : index + 1]).abs().max()) < EPSILON


def test_a_random_start_follows_its_generator_and_fills_the_ball() -> None:
    model, images, targets = Small(), torch.full((2000, 1, 1, 2), 0.5), torch.zeros(2000, dtype=torch.long)
    small = Small(bands=1)
    first, again, other = (
        perturb(small, images, targets, 0.4, 0, random_start=True, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    # in a disc, a quarter of all points lies within half the radius
    assert np.mean(np.array(distances(first, images)) < 0.2) == pytest.approx(0.25, abs=0.04)
    with pytest.raises(ValueError, match="needs a generator"):
        perturb(model, images, targets, 1.0, 1, random_start=True)


def test_no_step_returns_the_images() -> None:
    images = uniform(2, 3, 8, 8)
    assert torch.equal(perturb(Small(), images, torch.tensor([0, 1]), 1.0, 0), images)


def test_a_step_is_twice_the_radius_over_the_steps_along_the_normalised_gradient() -> None:
    model, images, targets = Small().eval(), torch.full((1, 3, 4, 4), 0.5), torch.tensor([3])
    moving = images.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(moving), targets), moving)
    # eight steps of a quarter of the radius; the first stays inside ball and box
    found = perturb(model, images, targets, 0.2, 1, step_size=2 * 0.2 / 8)
    assert float((found - (images - 0.05 * gradient / gradient.norm())).abs().max()) < 1e-6
    eight = perturb(model, images, targets, 0.2, 8)
    assert torch.equal(eight, perturb(model, images, targets, 0.2, 8, step_size=0.05))


def test_an_image_without_a_gradient_stays() -> None:
    model = Small()
    nn.init.zeros_(model.last.weight)
    images = uniform(1, 3, 4, 4)
    assert torch.equal(perturb(model, images, torch.tensor([1]), 1.0, 4), images)


def test_bfloat16_arithmetic_stays_in_ball_and_box() -> None:
    images = uniform(2, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = perturb(Small(), images, torch.tensor([0, 1]), 0.3, 5)
    assert found.dtype == torch.float32
    assert max(distances(found, images)) <= 0.3 + EPSILON
    assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_a_wrong_class_is_never_the_right_one_and_each_is_as_probable() -> None:
    labels = torch.arange(5).repeat(2000)
    found = targeted.random_wrong_class(labels, 5, np.random.default_rng(0))
    assert not bool((found == labels).any())
    counts = torch.stack([(found == labels + offset) | (found == labels + offset - 5) for offset in range(1, 5)]).sum(1)
    assert counts.sum() == 10_000
    assert all(abs(int(count) - 2500) < 150 for count in counts)
    assert torch.equal(found, targeted.random_wrong_class(labels, 5, np.random.default_rng(0)))


@pytest.mark.parametrize(("radius", "side", "rms"), [(5.82, 224, 0.015), (3.88, 224, 0.010), (1.33, 64, 0.012)])
def test_the_radii_of_the_paper_are_round_numbers_of_every_pixel(radius: float, side: int, rms: float) -> None:
    assert radius / math.sqrt(3 * side**2) == pytest.approx(rms, abs=1e-5)
    assert targeted.scaled_radius(radius, side, 64) / math.sqrt(3 * 64**2) == pytest.approx(rms, abs=1e-5)
    assert targeted.scaled_radius(3.88, 224, 64) == pytest.approx(1.10857, abs=1e-5)


def test_the_loss_is_that_of_equation_4_with_both_cross_entropies() -> None:
    clean, changed = torch.tensor([[1.0, 0, 0], [0, 2, 0]]), torch.tensor([[0.0, 0, 2], [0, 2, 0]])
    labels = torch.tensor([0, 1])
    # squared distances 1 + 4 and 0, over 3 logits and 2 images
    assert float(targeted.logit_pairing(clean, changed)) == pytest.approx(5 / 6)
    terms = targeted.adversarial_terms(clean, changed, labels)
    assert float(terms["clean"]) == pytest.approx((math.log(math.e + 2) - 1 + math.log(math.e**2 + 2) - 2) / 2)
    mean = (float(terms["clean"]) + float(terms["adversarial"])) / 2
    assert float(targeted.adversarial_loss(terms)) == pytest.approx(mean + 0.5 * 5 / 6)
    assert float(targeted.adversarial_loss(terms, 0.0)) == pytest.approx(mean)


def test_the_adaptive_attack_looks_at_its_progress_when_the_paper_does() -> None:
    # p = 0, 0.22, then each distance 0.03 shorter, no less than 0.06
    assert sorted(step for step in adaptive.checkpoints(100) if step <= 100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert all(one < two for one, two in pairwise(sorted(adaptive.checkpoints(50))))


def test_the_logits_ratio_is_free_of_shift_and_scale_and_positive_where_deceived() -> None:
    logits = torch.tensor([[3.0, 1, 0], [1, 3, 0]])
    labels = torch.tensor([0, 0])
    found = adaptive.logits_ratio(logits, labels)
    assert [round(float(value), 6) for value in found] == [round(-2 / 3, 6), round(2 / 3, 6)]
    assert float((adaptive.logits_ratio(7 * logits + 5, labels) - found).abs().max()) < 1e-6
    two = adaptive.logits_ratio(torch.tensor([[3.0, 1.0]]), torch.tensor([0]))
    assert float(two) == pytest.approx(-1)


LOSSES = [adaptive.cross_entropy, adaptive.logits_ratio]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("radius", [0.05, 1.0, 30.0])
def test_the_adaptive_attack_stays_in_ball_and_box(loss: Callable[[Tensor, Tensor], Tensor], radius: float) -> None:
    images = uniform(4, 3, 7, 5)
    found = adaptive.ascend(Small(), images, torch.tensor([0, 1, 2, 3]), radius, 23, loss)
    assert max(distances(found, images)) <= radius + EPSILON
    assert float(found.min()) >= 0 and float(found.max()) <= 1
