"""What the losses of all frameworks of registries share: weights, further losses, and the number of the step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.integrations.registered import RegisteredLoss, tell_step_to


class Loss(RegisteredLoss):
    TELLS_STEP = "lossbench.integrations.mine"


class Perceptual(Loss):
    BESIDE_PIXELS = True


class Model:
    """The part of a framework's model that matters: its losses and what it calls for each batch."""

    def __init__(self, *losses: RegisteredLoss) -> None:
        self.cri_pix, self.net_g = losses[0], torch.nn.Linear(1, 1)
        self.losses = {str(number): loss for number, loss in enumerate(losses[1:])}
        self.opt = {"name": "options"}

    def optimize_parameters(self, current_iter: int, scale: int = 1) -> list[int | None]:
        return [self.cri_pix.step, *(loss.step for loss in self.losses.values()), scale]


def pictures(side: int = 32) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    prediction, target = torch.rand((2, 2, 3, side, side), generator=random)
    return prediction.requires_grad_(), target


def test_it_is_the_loss_times_its_weight(loss_network: Path) -> None:
    prediction, target = pictures()
    own = lossbench.create_loss("ccmae", weights=loss_network)
    loss = Loss("ccmae", loss_weight=0.25, weights=str(loss_network))
    loss(prediction, target).backward()
    assert loss(prediction, target).item() == pytest.approx(0.25 * own(prediction, target).item())
    assert prediction.grad is not None and prediction.grad.norm() > 0
    assert not list(loss.parameters()) and not loss.state_dict()
    assert loss.loss_weight == 0.25


def test_it_finds_its_loss_network_as_any_loss_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prediction, target = pictures()
    assert Loss("ccmae")(prediction, target).item() == lossbench.create_loss("ccmae")(prediction, target).item() > 0


def test_further_losses_are_added_without_another_pixel_term(loss_network: Path) -> None:
    prediction, target = pictures()
    further = {"name": "ccmae", "weight": 0.5, "weights": loss_network}
    loss = Loss("ccmae", also=[further, further], weights=loss_network)
    assert list(loss.loss.weights) == ["pixel", "ccmae", "ccmae_2", "ccmae_3"]
    terms = loss.loss.terms(prediction, target)
    expected = terms["pixel"] + 2 * terms["ccmae"]
    assert loss(prediction, target).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_perceptual_loss_has_a_pixel_term_only_where_it_is_asked_for(loss_network: Path) -> None:
    assert list(Perceptual("ccmae", weights=loss_network).loss.weights) == ["ccmae"]
    assert list(Perceptual("ccmae", pixel="l2", weights=loss_network).loss.weights) == ["pixel", "ccmae"]
    # what has no other term keeps it
    assert list(Perceptual("l1").loss.weights) == ["pixel"]
    assert list(Perceptual("ssim", also=[{"name": "l1"}, {"name": "fft"}]).loss.weights) == ["ssim", "pixel", "fft"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"name": "original", "loss_weight": "1e-3"},
            "loss_weight: '1e-3' is not a finite number >= 0; write it as 1.0e-3",
        ),
        ({"name": "original", "loss_weight": -1.0}, "loss_weight: -1.0 is not a finite number >= 0"),
        ({"name": "orginal"}, "unknown loss 'orginal'.*did you mean 'original'"),
        ({"name": "original", "reduction": "mean"}, "loss 'original'.*reduction"),
        ({"name": "original", "also": {"name": "original"}}, "also: {'name': 'original'} is no list; write a list of"),
        ({"name": "original", "also": "vgg"}, "also: 'vgg' is no list"),
        ({"name": "original", "also": [{"weight": 1.0}]}, "also: {'weight': 1.0} is no loss with a name"),
        ({"name": "original", "also": [{"name": "original", "pixel": "l1"}]}, "both losses have the term 'pixel'"),
    ],
)
def test_a_wrong_option_is_refused_when_the_loss_is_built(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Loss(**options)


def test_every_without_a_step_says_who_tells_it(loss_network: Path) -> None:
    loss = Loss("ccmae", every=4, weights=loss_network)
    with pytest.raises(
        UserError, match=r"'ccmae' is in every k-th step alone \(every = 4\).*from lossbench.integrations"
    ):
        loss(*pictures())


def test_a_step_without_any_term_is_zero(loss_network: Path) -> None:
    prediction, target = pictures()
    loss = Perceptual("ccmae", every=2, loss_weight=3.0, weights=loss_network)
    own = lossbench.create_loss("ccmae", pixel=None, weights=loss_network)
    values = []
    for loss.step in range(4):
        values.append(loss(prediction, target).item())
    due = 3.0 * 2 * own(prediction, target).item()
    assert values == [pytest.approx(due), 0.0, pytest.approx(due), 0.0]


def test_models_tell_all_their_losses_the_step() -> None:
    class Told(Model):
        pass

    class Derived(Told):
        def optimize_parameters(self, current_iter: int, scale: int = 1) -> list[int | None]:
            return super().optimize_parameters(current_iter, scale=scale)

    before = Told.optimize_parameters
    for _ in range(2):
        tell_step_to(Told, lambda model, current_iter, *_, **__: current_iter - 1)
    assert Model.optimize_parameters is before and Told.optimize_parameters.__name__ == "optimize_parameters"
    for kind in (Told, Derived):
        model = kind(Loss("original"), Loss("original"))
        assert model.optimize_parameters(1) == [0, 0, 1]
        assert model.optimize_parameters(current_iter=8, scale=3) == [7, 7, 3]
    assert Model(Loss("original")).optimize_parameters(1) == [None, 1]


def test_a_class_that_inherits_the_telling_is_left_alone() -> None:
    class Told(Model):
        pass

    class Derived(Told):
        pass

    for kind in (Told, Derived):
        tell_step_to(kind, lambda model, current_iter, *_, **__: current_iter - 1)
    assert "optimize_parameters" not in vars(Derived)


@pytest.mark.parametrize("given", [Model(Loss("original")), int, "SRModel", None])
def test_what_is_no_class_of_models_is_refused(given: Any) -> None:
    with pytest.raises(UserError, match=r"tell_step: .* is no class of models"):
        tell_step_to(given, lambda *_: 0)
