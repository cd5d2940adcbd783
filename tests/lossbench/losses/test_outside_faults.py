"""A loss of the user that writes into its pictures, fails, or gives no scalar is refused in one line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from _outside import forget, installed, noise, written
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.terms import WeightedTerms

FAULTY = """
import torch
from torch import nn
from lossbench.terms import WeightedTerms

class Mine(nn.Module):
    def forward(self, prediction, target):
        self.act(prediction, target)
        return (prediction - target).abs().mean()
    def act(self, prediction, target): ...

class OnTarget(Mine):
    def act(self, prediction, target): target.clamp_(0.2, 0.8)

class OnPart(Mine):
    def act(self, prediction, target): target[0, 0].zero_()

class OnPrediction(Mine):
    def act(self, prediction, target): prediction.clamp_(0.2, 0.8)

class Unruly(Mine):
    def act(self, prediction, target): raise self.error
    def __init__(self, kind: str = "ValueError"):
        super().__init__()
        self.error = {each.__name__: each for each in
                      (ValueError, KeyError, TypeError, AssertionError, RuntimeError, NotImplementedError)}[kind]("no")

class Inner(Mine):
    def act(self, prediction, target): self.other(prediction)
    def other(self, a, b): ...

class Masked(nn.Module):
    def forward(self, prediction, target, mask): return prediction.mean()

class Alone(nn.Module):
    def forward(self, prediction): return prediction.mean()

class EachPicture(nn.Module):
    def forward(self, prediction, target): return (prediction - target).abs().mean((1, 2, 3))

class Own(WeightedTerms):
    def __init__(self):
        super().__init__({"own": 1.0})
    def raw_terms(self, prediction, target):
        target.clamp_(0.2, 0.8)
        return {"own": (prediction - target).abs().mean()}

class OwnEach(WeightedTerms):
    def __init__(self):
        super().__init__({"own": 1.0})
    def raw_terms(self, prediction, target):
        return {"own": (prediction - target).abs().mean((1, 2, 3))}
"""


@pytest.fixture(autouse=True)
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    installed(written(tmp_path, {"faulty.py": FAULTY}, pictures=False), monkeypatch)
    yield
    forget()


def pair(number: int = 2) -> tuple[Tensor, Tensor]:
    """Return a prediction as a network gives it, no leaf of the graph, and its target."""
    prediction, target = (torch.from_numpy(noise(number, 3, 16, 12, seed=seed)) for seed in range(2))
    return prediction.requires_grad_() * 1.5, target


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OnTarget", "loss 'faulty:OnTarget' writes into the target that it is given, which others use; have it write"),
        ("OnPart", "loss 'faulty:OnPart' writes into the target that"),
        ("OnPrediction", "loss 'faulty:OnPrediction' writes into the prediction that"),
        ("Own", "loss Own writes into the target that"),
    ],
)
def test_what_writes_into_its_pictures_is_refused(name: str, said: str) -> None:
    loss = lossbench.create_loss(f"faulty:{name}")
    for made in (loss, loss + lossbench.create_loss("ssim")):
        with pytest.raises(UserError) as caught:
            made(*pair())
        told = str(caught.value)
        assert told.startswith(said if made is loss or name != "Own" else "loss Sum writes") and "\n" not in told
    # pictures of half precision are copied, and the terms see one picture nevertheless
    with pytest.raises(UserError, match="writes into the"):
        loss(*(image.half() for image in pair()))


def test_a_leaf_that_is_written_into_is_refused_by_torch_in_one_line() -> None:
    prediction, target = pair()
    with pytest.raises(UserError, match=r"in-place operation\.\); have it write into copies alone"):
        lossbench.create_loss("faulty:OnPrediction")(prediction.detach().requires_grad_(), target)


def test_where_nobody_counts_a_copy_is_given() -> None:
    with torch.inference_mode():
        prediction, target = (torch.from_numpy(noise(2, 3, 16, 12, seed=seed)).clone() for seed in range(2))
        before = target.clone()
        found = lossbench.create_loss("faulty:OnTarget").terms(prediction, target)
        assert torch.equal(target, before) and found["pixel"] == (prediction - target).abs().mean()


def test_clamp_lets_a_loss_write_into_what_is_its_own() -> None:
    prediction, target = pair()
    before = prediction.detach().clone()
    lossbench.create_loss("faulty:OnPrediction", clamp=True)(prediction, target).backward()
    assert torch.equal(prediction, before)


@pytest.mark.parametrize("kind", ["ValueError", "AssertionError", "RuntimeError"])
def test_clamp_is_a_possibility_where_a_value_may_be_refused(kind: str) -> None:
    prediction, target = pair()
    loss = lossbench.create_loss("faulty:Unruly", kind=kind)
    with pytest.raises(UserError, match=rf"\({kind}: no\); where its pictures must be in \[0, 1\], set clamp to true"):
        loss(prediction, target)
    with pytest.raises(UserError, match=rf"\({kind}: no\); mend it, or what it is given$"):
        loss(prediction.clamp(0, 1), target)


@pytest.mark.parametrize("kind", ["KeyError", "TypeError", "NotImplementedError"])
def test_clamp_is_not_named_where_it_can_not_help(kind: str) -> None:
    with pytest.raises(UserError, match=rf"\({kind}: .*\); mend it, or what it is given$"):
        lossbench.create_loss("faulty:Unruly", kind=kind)(*pair())


def test_a_loss_is_of_prediction_and_target_alone() -> None:
    words = "a loss is given a prediction and its target alone: wrap it in a module of these"
    for name, why in (("Masked", "missing a required argument: 'mask'"), ("Alone", "too many positional arguments")):
        with pytest.raises(UserError, match=rf"loss\(prediction, target\) \({why}\); {words}"):
            lossbench.create_loss(f"faulty:{name}")
    with pytest.raises(UserError, match=rf"\(TypeError: .* argument: 'b'\); {words}"):
        lossbench.create_loss("faulty:Inner")(*pair())


@pytest.mark.parametrize("number", [1, 2])
def test_a_value_a_picture_is_no_scalar_of_one_picture_too(number: int) -> None:
    prediction, target = pair(number)
    with pytest.raises(UserError, match=rf"gives a tensor \({number},\), no scalar; have it take the mean"):
        lossbench.create_loss("faulty:EachPicture")(prediction, target)
    with pytest.raises(UserError, match=rf"term 'own' of loss OwnEach has shape \({number},\); have it take the mean"):
        lossbench.create_loss("faulty:OwnEach")(prediction, target)


def test_ours_are_counted_at_no_cost_of_memory() -> None:
    prediction, target = pair()
    seen: list[Any] = []

    class Looking(WeightedTerms):
        def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
            seen.append((prediction.data_ptr(), target.data_ptr()))
            return {"pixel": (prediction - target).abs().mean()}

    Looking({"pixel": 1.0})(prediction, target)
    assert seen == [(prediction.data_ptr(), target.data_ptr())]
