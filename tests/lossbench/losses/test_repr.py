"""What a loss says of itself: the call that makes it, with all settings, and what it rests on."""

import copy
import pickle

import pytest
import torch
from _losses import EVERY, NETWORKS, TAKEN, Build, Weights, pair, restarted
from torch import Tensor, nn

import lossbench
from lossbench.terms import WeightedTerms


@EVERY
def test_it_says_every_argument_and_makes_the_same_loss_again(build: Build, name: str) -> None:
    loss = build(name, check_range=False)
    text = repr(loss)
    said, rests_on = text.split("  # ")
    for argument in TAKEN[name]:
        assert f"{argument}=" in said
    assert "check_range=False" in said
    assert rests_on == "no loss network" or rests_on.startswith("on a frozen ")
    if "generator" not in TAKEN[name]:
        twin = eval(text, {"create_loss": lossbench.create_loss})
        assert repr(twin) == text
        prediction, target = pair(1, 3, 24, 24)
        assert torch.equal(twin(prediction, target), restarted(loss)(prediction, target))


def test_what_differs_by_a_setting_is_told_apart(weights: Weights, build: Build) -> None:
    changes: list[dict[str, object]] = [
        *({}, {"pixel": "l2"}, {"pixel": None}, {"weight": 0.5}, {"every": 4}, {"precision": "fast"}),
        *({"check_range": False}, {"weights": weights("cnn_mae", bands=4)}),
    ]
    assert len({repr(build("ccmae", **change)) for change in changes}) == len(changes)
    file = str(weights("cnn_mae"))
    assert repr(build("ccmae")) == (
        f"create_loss('ccmae', pixel='l1', weight=1.0, weights={file!r}, precision='exact', every=1, check_range=True)"
        "  # on a frozen cnn_mae"
    )
    assert repr(lossbench.create_loss("l1")) == "create_loss('l1', check_range=True)  # no loss network"


def test_a_file_is_named_as_text_however_it_was_given(weights: Weights) -> None:
    file = weights("cnn_mae")
    assert repr(lossbench.create_loss("ccmae", weights=file)) == repr(lossbench.create_loss("ccmae", weights=str(file)))


def test_what_the_name_says_is_not_said_twice(weights: Weights) -> None:
    file = weights("timm")
    text = repr(lossbench.create_loss(f"timm:{NETWORKS['timm']['model']}@layer2", weights=file))
    assert text.startswith("create_loss('timm:test_resnet@layer2', pixel='l1', ") and "model=" not in text


def test_a_sum_says_its_parts_line_by_line_and_can_be_made_again(build: Build) -> None:
    parts = [lossbench.create_loss("l1"), build("ccmae", pixel=None, weight=0.1), build("vgg", pixel=None)]
    whole = parts[0] + (parts[1] + parts[2])
    assert repr(whole) == "\n".join(["(", f"    {parts[0]}", f"    + {parts[1]}", f"    + {parts[2]}", ")"])
    again = eval(repr(whole), {"create_loss": lossbench.create_loss})
    prediction, target = pair(1, 3, 24, 24)
    assert torch.equal(again(prediction, target), whole(prediction, target))


def test_it_stays_when_the_loss_is_copied_or_lies_in_a_module(build: Build) -> None:
    loss = build("ccmae")
    assert repr(copy.deepcopy(loss)) == repr(pickle.loads(pickle.dumps(loss))) == repr(loss)
    assert f"(loss): {loss!r}" in repr(nn.ModuleDict({"loss": loss}))


def test_a_loss_of_ones_own_says_its_class_and_weights() -> None:
    class Largest(WeightedTerms):
        def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
            return {"largest": (prediction - target).abs().max()}

    assert repr(Largest({"largest": 2.0})) == "Largest(weights={'largest': 2.0})"


@pytest.mark.parametrize("name", ["random_cmae", "p_random_tmae"])
def test_a_drawn_network_says_its_seed_and_no_file(build: Build, name: str) -> None:
    text = repr(build(name, seed=7))
    assert "weights=None" in text and "seed=7" in text
