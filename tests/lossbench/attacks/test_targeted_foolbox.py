"""Our attacks beside foolbox's, on a classifier of handwritten digits."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.attacks import adaptive
from lossbench.attacks.targeted import perturb

foolbox: Any = pytest.importorskip("foolbox")

RADII = [0.3, 0.6, 1.0]
STEPS = 20


@pytest.fixture(scope="module")
def digits() -> tuple[nn.Module, Tensor, Tensor]:
    """Return a small trained network, 300 digits (N, 1, 8, 8) that it was not trained on, and their labels."""
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    images = torch.from_numpy(loaded.images / 16).float()[:, None]
    labels = torch.from_numpy(loaded.target)
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10)),
    )
    parameters = list(model.parameters())
    for step in range(150):
        chosen = torch.randint(1400, (64,), generator=torch.Generator().manual_seed(step))
        gradients = torch.autograd.grad(F.cross_entropy(model(images[chosen]), labels[chosen]), parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            # torch.optim would import torch's compiler for seconds
            parameter.data.sub_(0.2 * gradient)
    model.eval()
    held_out, truth = images[1400:1700], labels[1400:1700]
    assert float((model(held_out).argmax(1) == truth).float().mean()) > 0.9
    return model, held_out, truth


def theirs(model: nn.Module, images: Tensor, criterion: Any, radius: float, steps: int = STEPS) -> Tensor:
    attack = foolbox.attacks.L2PGD(rel_stepsize=2 / steps, steps=steps, random_start=False)
    # kept on the CPU: foolbox would choose a GPU by itself
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    raw, _, _ = attack(wrapped, images, criterion, epsilons=radius)
    found: Tensor = raw
    return found


@pytest.mark.parametrize("radius", RADII)
def test_the_targeted_attack_succeeds_as_often_as_foolbox_and_finds_the_same_images(
    digits: tuple[nn.Module, Tensor, Tensor], radius: float
) -> None:
    model, images, labels = digits
    targets = (labels + 3) % 10
    expected = theirs(model, images, foolbox.criteria.TargetedMisclassification(targets), radius)
    found = perturb(model, images, targets, radius, STEPS)
    shares = [float((model(each).argmax(1) == targets).float().mean()) for each in (found, expected)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    # rounding turns a few images another way at a kink of a ReLU
    equal = (found - expected).abs().flatten(1).amax(1) < 1e-3
    assert float(equal.float().mean()) > 0.9


def test_the_success_is_neither_none_nor_all(digits: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = digits
    targets = (labels + 3) % 10
    shares = [
        float((model(perturb(model, images, targets, r, STEPS)).argmax(1) == targets).float().mean()) for r in RADII
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.3 and shares[-1] > 0.5


@pytest.mark.parametrize("radius", RADII)
def test_the_untargeted_attack_agrees_and_the_adaptive_one_is_no_weaker(
    digits: tuple[nn.Module, Tensor, Tensor], radius: float
) -> None:
    model, images, labels = digits
    expected = theirs(model, images, foolbox.criteria.Misclassification(labels), radius, 50)
    found = perturb(model, images, labels, radius, 50, targeted=False)
    shares = [float((model(each).argmax(1) == labels).float().mean()) for each in (found, expected)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    survived = adaptive.survivors(model, images, labels, radius, 50)
    assert float(survived.float().mean()) <= min(shares) + 0.005
    recognised = model(images).argmax(1) == labels
    assert not bool((survived & ~recognised).any())


def test_the_adaptive_attack_is_stronger_than_the_cross_entropy_alone(digits: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = digits
    both = adaptive.survivors(model, images, labels, 0.6, 50)
    changed = adaptive.ascend(model, images, labels, 0.6, 50, adaptive.cross_entropy)
    one = (model(changed).argmax(1) == labels) & (model(images).argmax(1) == labels)
    assert bool((both <= one).all())
