"""The contract of every loss: zero at equality, a gradient for the prediction alone, one clear line for a mistake."""

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from _losses import (
    EACH_DISTANCE,
    EVERY,
    EVERY_WITH_EACH_DISTANCE,
    FILES,
    LOSSES,
    NEEDED,
    OF_PIXELS,
    ON_VGG,
    TAKEN,
    WEIGHTED,
    Build,
    everywhere,
    pair,
    restarted,
    uniform,
)
from _repository import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import losses, plugins
from lossbench.errors import UserError
from lossbench.terms import WeightedTerms, distance


def test_every_loss_has_an_entry_here() -> None:
    used = {case.loss for case in LOSSES.values()}
    missing = sorted(set(FILES) - used)
    assert not missing, f"add to LOSSES in tests/_losses.py, as (loss, loss network or None, arguments): {missing}"
    assert used == set(FILES), "LOSSES in tests/_losses.py names a loss that is gone"
    terms = [case.arguments["terms"] for case in LOSSES.values() if case.loss == "perceptual"]
    assert sorted(terms) == sorted(plugins.constant("losses", "perceptual", "CHOICES")["terms"])


@pytest.mark.parametrize(
    ("name", "prediction", "expected"),
    [
        ("l1", [0.6, 0.0, 0.5, 1.3], (0.1 + 0.5 + 0.0 + 0.8) / 4),
        ("l2", [0.6, 0.0, 0.5, 1.3], (0.01 + 0.25 + 0.0 + 0.64) / 4),
        # sqrt(0.0024^2 + 0.001^2) = 0.0026
        ("charbonnier", [0.5024, 0.5], (0.0016 + 0.0) / 2),
    ],
)
def test_distances_of_worked_out_numbers(name: str, prediction: list[float], expected: float) -> None:
    found = distance(name)(torch.tensor(prediction), torch.full([len(prediction)], 0.5))
    assert float(found) == pytest.approx(expected, abs=1e-7)


@EACH_DISTANCE
def test_a_distance_is_exactly_zero_at_equality_and_never_negative(pixel: str) -> None:
    for side in range(1, 80):
        image = uniform(1, 3, side, side)
        assert float(distance(pixel)(image, image)) == 0
        assert float(distance(pixel)(image, image + 1e-6)) >= 0


@EVERY_WITH_EACH_DISTANCE
@settings(max_examples=6, deadline=None)
@given(height=st.integers(16, 64), width=st.integers(16, 64), seed=st.integers(0, 2**31))
@example(height=16, width=16, seed=0)
@example(height=17, width=23, seed=0)
@example(height=33, width=64, seed=0)
def test_zero_at_equality_and_a_useful_gradient_elsewhere(
    build: Build, name: str, changes: dict[str, str], height: int, width: int, seed: int
) -> None:
    loss = build(name, **changes)
    prediction, target = uniform(1, 3, height, width, seed=seed), uniform(1, 3, height, width, seed=seed + 1)
    prediction = (3 * prediction - 1).requires_grad_()  # leaves [0, 1] on both sides
    for same in (prediction, target):
        assert 0 <= loss(same, same).item() <= 1e-7
    for term in loss.terms(prediction, target).values():
        assert term.shape == ()
        assert term.dtype == torch.float32
        assert 0 < term.item() < math.inf
        (gradient,) = torch.autograd.grad(term, prediction, retain_graph=True)
        assert bool(gradient.isfinite().all())
        # a loss that clamps what leaves the range could never bring it back
        assert float(gradient[(prediction < 0) | (prediction > 1)].abs().max()) > 0


@EVERY
def test_terms_stay_float32_beside_a_prediction_in_bfloat16(build: Build, name: str) -> None:
    loss = build(name)
    network = nn.Conv2d(3, 3, 3, padding=1)
    image, target = uniform(2, 3, 33, 24, seed=2), uniform(2, 3, 33, 24, seed=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = network(image)
        terms = loss.terms(prediction, target)
        total = restarted(loss)(prediction, target)
    assert prediction.dtype == torch.bfloat16
    assert {term.dtype for term in [*terms.values(), total]} == {torch.float32}
    assert torch.equal(total, restarted(loss)(prediction.float(), target))
    total.backward()
    assert network.weight.grad is not None
    assert bool(network.weight.grad.isfinite().all())


def kept_for_backward(loss: WeightedTerms, prediction: Tensor, target: Tensor) -> int:
    """Count the tensors that the graph of the loss keeps."""
    count = 0

    def note(tensor: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss(prediction, target)
    return count


@EVERY
def test_the_target_gets_no_gradient_and_its_branch_keeps_no_graph(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(1, 3, 24, 24)
    one_branch = kept_for_backward(loss, prediction, target)
    target.requires_grad_(True)
    loss(prediction, target).backward()
    assert prediction.grad is not None
    assert target.grad is None
    assert kept_for_backward(loss, prediction, target) == one_branch > 0
    assert kept_for_backward(loss, prediction.detach(), target) == 0
    assert not loss(prediction.detach(), target).requires_grad


@EVERY
def test_a_batch_counts_as_the_mean_of_its_images_in_any_order(build: Build, name: str) -> None:
    loss = build(name, **everywhere(name))
    prediction, target = (image.detach() for image in pair(4, 3, 33, 40))
    target = target * torch.tensor([0.1, 0.4, 0.7, 1.0]).view(4, 1, 1, 1)
    whole = float(loss(prediction, target))
    order = torch.tensor([2, 0, 3, 1])
    assert float(loss(prediction[order], target[order])) == pytest.approx(whole, rel=1e-6)
    singles = [float(loss(prediction[[index]], target[[index]])) for index in range(4)]
    assert max(singles) > 1.01 * min(singles)
    assert np.mean(singles) == pytest.approx(whole, rel=1e-5)


@EVERY
def test_the_loss_is_its_raw_terms_times_their_weights(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(1, 3, 24, 24)
    terms = loss.terms(prediction, target)
    assert list(terms) == list(loss.weights)
    if "pixel" in TAKEN[name]:
        assert terms["pixel"].item() == pytest.approx((prediction - target).abs().mean().item(), rel=1e-6)
    expected = sum(loss.weights[key] * term.item() for key, term in terms.items())
    total = restarted(loss)(prediction, target)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(loss.total(terms), total)


@WEIGHTED
def test_the_weight_scales_the_feature_term_alone(build: Build, name: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    full, quarter, none = (build(name, weight=weight) for weight in (1.0, 0.25, 0))
    terms = full.terms(prediction, target)
    assert list(terms) == ["pixel", name]
    assert quarter.weights == {"pixel": 1.0, name: 0.25}
    assert all(torch.equal(terms[key], term) for key, term in quarter.terms(prediction, target).items())
    expected = terms["pixel"].item() + 0.25 * terms[name].item()
    assert restarted(quarter)(prediction, target).item() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(none(prediction, target), terms["pixel"])


@EVERY
def test_the_same_input_gives_the_same_bits(build: Build, name: str) -> None:
    first, second = build(name), build(name)
    prediction, target = pair(2, 3, 33, 24)
    values = [restarted(loss)(prediction, target) for loss in (first, first, second)]
    gradients = [torch.autograd.grad(value, prediction)[0] for value in values]
    assert all(torch.equal(value, values[0]) for value in values)
    assert all(torch.equal(gradient, gradients[0]) for gradient in gradients)


@EVERY
@pytest.mark.parametrize(
    ("prediction", "target"),
    [((1, 3, 16, 16), (1, 3, 16, 17)), ((1, 3, 16, 16), (2, 3, 16, 16)), ((1, 1, 16, 16), (1, 3, 16, 16))],
)
def test_shapes_that_differ_are_refused_even_where_they_broadcast(
    build: Build, name: str, prediction: tuple[int, ...], target: tuple[int, ...]
) -> None:
    loss = build(name)
    with pytest.raises(ValueError, match=r"prediction \(1, \d, 16, 16\) and target .* differ in shape"):
        loss(uniform(*prediction), uniform(*target))


def test_an_unknown_loss_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown loss 'kmea' .*did you mean 'kmae'"):
        losses.build("kmea")


@OF_PIXELS
def test_an_unknown_distance_or_argument_is_named_with_the_nearest(build: Build, name: str) -> None:
    with pytest.raises(UserError, match="unknown distance 'charbonier'; did you mean 'charbonnier'"):
        build(name, pixel="charbonier")
    with pytest.raises(UserError, match=f"loss '{name}' takes no argument 'pixels'; did you mean 'pixel'"):
        build(name, pixels="l1")


@EVERY
def test_an_argument_without_effect_is_refused(build: Build, name: str) -> None:
    for argument in {"a", "layer", "layers", "patches", "keep", "weight", "architecture"} - set(TAKEN[name]):
        with pytest.raises(UserError, match=f"loss '{LOSSES[name].loss}' takes no argument '{argument}'"):
            build(name, **{argument: 1})


@WEIGHTED
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "1e-3", None, True])
def test_a_weight_that_is_no_finite_number_is_named(build: Build, name: str, weight: Any) -> None:
    with pytest.raises(UserError, match=f"weight of term '{name}': {weight!r} is not"):
        build(name, weight=weight)


@pytest.mark.parametrize("name", ON_VGG)
@pytest.mark.parametrize("bands", [1, 4])
def test_a_vgg_refuses_images_that_are_not_rgb(build: Build, name: str, bands: int) -> None:
    loss = build(name)
    with pytest.raises(UserError, match=rf"shape \(\d+, {bands}, \d+, \d+\), the loss network takes \(N, 3, H, W\)"):
        loss(*pair(1, bands, 24, 24))


def test_the_command_lists_every_loss_with_its_source() -> None:
    command = [sys.executable, "-m", "pipeline", "losses", "--json"]
    rows = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    rows = [row for row in rows if not row["name"].endswith("_video") and row["name"] != "pyiqa"]
    assert [row["name"] for row in rows] == FILES
    listed = {row["name"]: tuple(row["loss_networks"]) for row in rows}
    assert listed == {case.loss: NEEDED[name] for name, case in LOSSES.items()}
    assert all(row["source"] for row in rows)
    assert {
        "kmae": ("mae",),
        "ctmae": ("mae",),
        "ccmae": ("cnn_mae", "unet_mae"),
        "original": (),
    }.items() <= listed.items()
    known = set(plugins.names("loss_networks"))
    assert all(known & set(kinds) for kinds in NEEDED.values() if kinds)
