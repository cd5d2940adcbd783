"""A loss of another package is taken as ours are: pixel term and weight, sums, steps, one line for what is wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch
from _outside import forget, installed, noise, offering, written
from torch import Tensor, nn

import lossbench
from lossbench.errors import UserError
from lossbench.losses._outside import OutsideLoss
from lossbench.terms import WeightedTerms, l1

WRONG = '''
import torch
from torch import nn
from lossbench.terms import WeightedTerms

class Many(nn.Module):
    def forward(self, prediction, target): return prediction - target

class Pair(nn.Module):
    def forward(self, prediction, target): return (prediction - target).mean(), None

class Flat(nn.Module):
    def forward(self, prediction, target): return (prediction - target).detach().abs().mean()

class Heavy(nn.Module):
    def __init__(self, weight): super().__init__()

class Weighted(nn.Module):
    def __init__(self, weight: float = 3.0, reduction: str = "mean"):
        super().__init__()
        self.factor = weight
    def forward(self, prediction, target): return self.factor * (prediction - target).square().mean()

class Learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(0.5)
    def forward(self, prediction, target): return (self.factor * self.dropout(prediction - target)).abs().mean()

class Own(WeightedTerms):
    """A loss as lossbench has them."""
    def __init__(self, steepness: float = 1.0):
        super().__init__({"pixel": 1.0, "steep": steepness})
    def raw_terms(self, prediction, target):
        difference = (prediction - target).abs()
        return {"pixel": difference.mean(), "steep": difference.square().mean()}

class pixel(Weighted): ...
class Number:
    def __init__(self): ...
def silent(): return Weighted()
def wrapped() -> nn.Module: return 3
def own(steepness: float = 2.0) -> Own: return Own(steepness)
made = Weighted()
'''


def pair(*shape: int) -> tuple[Tensor, Tensor]:
    prediction, target = (torch.from_numpy(noise(*shape, seed=seed)) for seed in range(2))
    return prediction.requires_grad_(), target


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what builds a loss of a module of many faults."""
    installed(written(tmp_path, {"wrong.py": WRONG}, pictures=False), monkeypatch)
    yield lambda name, **arguments: lossbench.create_loss(f"wrong:{name}", **arguments)
    forget()


def test_the_sum_is_that_of_the_pixels_and_of_the_module(fringe: Path) -> None:
    prediction, target = pair(2, 3, 16, 12)
    loss = lossbench.create_loss("edges", weight=0.25, order=2)
    terms = loss.terms(prediction, target)
    edges = (prediction - target).diff(2, dim=-1).abs().mean()
    assert list(terms) == ["pixel", "edges"] and loss.weights == {"pixel": 1.0, "edges": 0.25}
    assert torch.equal(terms["edges"], edges) and torch.equal(terms["pixel"], l1(prediction, target))
    assert torch.allclose(loss(prediction, target), l1(prediction, target) + 0.25 * edges)
    by_place = lossbench.create_loss("fringe.losses:EdgeLoss", weight=0.25, order=2)
    assert list(by_place.weights) == ["pixel", "EdgeLoss"] and by_place(prediction, target) == loss(prediction, target)
    alone = lossbench.create_loss("fringe.losses:half_edges", pixel=None)
    assert list(alone.terms(prediction, target)) == ["half_edges"]
    assert torch.equal(alone(prediction, target), (prediction - target).diff(1, dim=-1).abs().pow(0.5).mean())


def test_it_adds_up_with_others_and_may_be_in_every_kth_step(fringe: Path) -> None:
    prediction, target = pair(1, 3, 8, 8)
    summed = lossbench.create_loss("log_cosh", a=10.0) + lossbench.create_loss("edges", pixel=None, every=3)
    assert list(summed.terms(prediction, target, step=0)) == ["pixel", "edges"]
    assert list(summed.terms(prediction, target, step=1)) == ["pixel"] and summed.every == {"edges": 3}
    with pytest.raises(UserError, match="term 'pixel', which would count twice"):
        lossbench.create_loss("original") + lossbench.create_loss("edges")


def test_piq_by_its_name_is_what_piq_gives() -> None:
    piq = pytest.importorskip("piq")
    prediction, target = pair(2, 3, 24, 24)
    loss = lossbench.create_loss("piq:SSIMLoss", pixel=None, weight=0.5, data_range=1.0)
    expected = piq.SSIMLoss(data_range=1.0)(prediction, target)
    assert torch.equal(loss.terms(prediction, target)["SSIMLoss"], expected)
    gradient, theirs = (torch.autograd.grad(each, prediction)[0] for each in (loss(prediction, target), expected))
    assert torch.allclose(gradient, 0.5 * theirs)


def test_a_prediction_beyond_the_range_is_cut_where_that_is_asked_for() -> None:
    pytest.importorskip("piq")
    prediction, target = pair(1, 3, 16, 16)
    beyond = (prediction.detach() * 1.5 - 0.2).requires_grad_()
    message = r"refuses .*AssertionError.*; where its pictures must be in \[0, 1\], set clamp to true: this prediction"
    with pytest.raises(UserError, match=message):
        lossbench.create_loss("piq:SSIMLoss")(beyond, target)
    loss = lossbench.create_loss("piq:SSIMLoss", clamp=True, pixel=None)
    loss(beyond, target).backward()
    assert beyond.grad is not None
    assert not beyond.grad[(beyond < 0) | (beyond > 1)].any() and beyond.grad[(beyond > 0) & (beyond < 1)].any()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Many", {}, r"gives a tensor \(1, 3, 8, 8\), no scalar; have it take the mean"),
        ("Pair", {}, "gives a tuple, no scalar"),
        ("Flat", {}, "has no gradient; use it as a metric"),
        ("Heavy", {}, "needs 'weight', which is lossbench's own here; name a function that fixes it"),
        ("Number", {}, "is class 'Number'; name a class of torch.nn.Module, or a function that returns one"),
        ("made", {}, "is a Weighted; name a class of torch.nn.Module"),
        ("silent", {}, "the function does not say what it returns; annotate it, as by '-> torch.nn.Module'"),
        ("wrapped", {}, "makes a int, no torch.nn.Module"),
        ("pixel", {}, "'pixel' is the name of the pixel term"),
        ("Weighted", {"reductoin": "sum"}, "takes no argument 'reductoin'; did you mean 'reduction'?"),
        ("Weighted", {"reduction": 3}, "reduction = 3 is not of the right type; give text"),
        ("Weighted", {"weight": "1"}, "weight"),
        ("Weighted", {"pixel": "l3"}, "unknown distance 'l3'; did you mean 'l2'"),
        ("Own", {"pixel": "l1"}, "takes no argument 'pixel'; known: check_range, steepness"),
    ],
)
def test_what_is_wrong_is_one_line(wrong: Any, name: str, arguments: dict[str, Any], message: str) -> None:
    prediction, target = pair(1, 3, 8, 8)
    with pytest.raises(UserError, match=message) as raised:
        wrong(name, **arguments)(prediction, target)
    assert "\n" not in str(raised.value)


def test_an_argument_of_the_name_of_ours_is_ours(wrong: Any) -> None:
    prediction, target = pair(1, 3, 8, 8)
    loss = wrong("Weighted", weight=2.0)
    assert torch.allclose(loss.terms(prediction, target)["Weighted"], 3 * (prediction - target).square().mean())
    assert loss.weights["Weighted"] == 2.0


def test_the_module_is_frozen_and_hidden_and_a_loss_of_ours_stays_as_it_is(wrong: Any) -> None:
    prediction, target = pair(1, 3, 8, 8)
    learned = wrong("Learned")
    assert isinstance(learned, OutsideLoss) and not [*learned.parameters()] and not learned.state_dict()
    learned(prediction, target).backward()
    assert torch.equal(learned.terms(prediction, target)["Learned"], l1(prediction, target))
    for loss, weight in ((wrong("Own", steepness=4.0), 4.0), (wrong("own"), 2.0)):
        assert isinstance(loss, WeightedTerms) and not isinstance(loss, OutsideLoss)
        assert loss.weights == {"pixel": 1.0, "steep": weight}


def test_a_module_with_a_build_must_give_a_loss_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        **offering("mine", losses="mine = mine\nempty = mine_empty"),
        "mine.py": "SOURCE = 'mine'\nLOSS_NETWORKS = ()\nfrom torch import nn\ndef build(): return nn.L1Loss()\n",
        "mine_empty.py": "SOURCE = 'mine'\n",
    }
    installed(written(tmp_path, files, pictures=False), monkeypatch)
    with pytest.raises(UserError, match=r"loss 'mine': build gives a L1Loss, no lossbench\.terms\.WeightedTerms"):
        lossbench.create_loss("mine")
    with pytest.raises(UserError, match="loss 'empty': mine_empty has no function 'build'"):
        lossbench.create_loss("empty")
    forget()


def test_the_listing_has_what_packages_offer_last(fringe: Path) -> None:
    rows = lossbench.losses.listing()
    assert rows[-1] == {
        "name": "edges",
        "rewards": "Mean difference of neighbouring pixels",
        "source": "Mean difference of neighbouring pixels",
        "loss_networks": [],
        "weights": {},
        "package": "fringe 0.3",
    }
    assert lossbench.list_losses() == [row["name"] for row in rows]
    loss = lossbench.create_loss("edges", order=2)
    assert isinstance(loss, nn.Module) and repr(loss) == (
        "create_loss('edges', order=2, power=1.0, pixel='l1', weight=1.0, every=1, clamp=False, check_range=True)"
        "  # on a frozen EdgeLoss"
    )
