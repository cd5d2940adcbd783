"""The contract of every loss: zero at equality, a gradient for the prediction alone, and a network nobody trains."""

from __future__ import annotations

import copy
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from _repository import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import loss_networks, losses, plugins
from lossbench.errors import UserError
from lossbench.loss_networks import vgg16, vgg19
from lossbench.losses._features import Hidden
from lossbench.losses._patches import PatchFeatureLoss
from lossbench.terms import DISTANCES, WeightedTerms, distance
from pipeline.learning.optimisation import Adam
from pipeline.specs.recipe import Recipe


class Case(NamedTuple):
    """How a loss is built small."""

    network: str | None
    arguments: dict[str, Any]


NETWORKS: dict[str, dict[str, Any]] = {
    "mae": {
        "image_size": 32,
        "patch": 8,
        "dimension": 32,
        "depth": 2,
        "heads": 2,
        "decoder_dimension": 16,
        "decoder_depth": 1,
        "decoder_heads": 2,
    },
    "unet_mae": {"channels": 8},
    "cnn_mae": {"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1},
    "vgg16": {},
    "vgg19": {},
    "timm": {"model": "test_resnet"},
    "lpips": {"net": "squeeze"},
    "dists": {},
}
LOSSES: dict[str, Case] = {
    "original": Case(None, {}),
    "log_cosh": Case(None, {"a": 10.0}),
    "e": Case(None, {}),
    "vgg": Case("vgg16", {"layer": "conv2_2"}),
    "timm": Case("timm", {}),
    "lpips": Case("lpips", {}),
    "dists": Case("dists", {}),
    **{robust + sum: Case("vgg16", {}) for robust in ("", "robust_") for sum in ("p", "t", "ep", "et", "pt", "ept")},
    "kmae": Case("mae", {}),
    "ctmae": Case("mae", {}),
    "ccmae": Case("cnn_mae", {}),
    "p_ctmae": Case("mae", {}),
    "p_ccmae": Case("cnn_mae", {}),
    "random_tmae": Case(None, {"architecture": NETWORKS["mae"]}),
    "random_cmae": Case(None, {"architecture": NETWORKS["cnn_mae"]}),
}
# those of clips have tests of their own
NAMES = [name for name in plugins.names("losses") if not name.endswith("_video")]
NEEDED = {name: plugins.constant("losses", name, "LOSS_NETWORKS") for name in NAMES}
TAKEN = {name: plugins.build_arguments("losses", name) for name in NAMES}
AUTOENCODERS = [name for name, kinds in NEEDED.items() if kinds and all(kind.endswith("mae") for kind in kinds)]
RANDOM = [name for name in NAMES if "architecture" in TAKEN[name]]
ON_VGG = [name for name in NAMES if {"vgg16", "lpips", "dists"} & set(NEEDED[name])]
EVERY = pytest.mark.parametrize("name", NAMES)
LEARNED = pytest.mark.parametrize("name", [name for name, kinds in NEEDED.items() if kinds])
FROZEN = pytest.mark.parametrize("name", [name for name, kinds in NEEDED.items() if kinds or name in RANDOM])
WEIGHTED = pytest.mark.parametrize("name", [name for name in NAMES if "weight" in TAKEN[name]])
MASKED = pytest.mark.parametrize("name", AUTOENCODERS + RANDOM)
OF_PIXELS = pytest.mark.parametrize("name", [name for name in NAMES if "pixel" in TAKEN[name]])
EACH_DISTANCE = pytest.mark.parametrize("pixel", sorted(DISTANCES))
EVERY_WITH_EACH_DISTANCE = pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param(name, changes, id="-".join([name, *changes.values()]))
        for name in NAMES
        for changes in ([{"pixel": pixel} for pixel in sorted(DISTANCES)] if "pixel" in TAKEN[name] else [{}])
    ],
)
Weights = Callable[..., Path]
Build = Callable[..., WeightedTerms]


@pytest.fixture(scope="module", autouse=True)
def narrow_vgg() -> Iterator[None]:
    """Make the VGG trunks narrow: fifteen losses load one in almost every test here."""
    with pytest.MonkeyPatch.context() as patch:
        for trunk in (vgg16, vgg19):
            patch.setattr(trunk, "WIDTHS", [[4 + 2 * block] * len(each) for block, each in enumerate(trunk.WIDTHS)])
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Give the file of a small loss network of a kind, random weights, made once."""
    folder = tmp_path_factory.mktemp("weights")

    def made(kind: str, **changes: Any) -> Path:
        if kind not in NETWORKS:
            pytest.fail(f"tests/test_losses.py: add to NETWORKS the entry '{kind}' with arguments that make it small")
        path = folder / f"{'-'.join([kind, *map(str, changes.values())])}.safetensors"
        if not path.exists():
            torch.manual_seed(0)
            loss_networks.save(loss_networks.build(kind, **NETWORKS[kind], **changes), path, {})
        return path

    return made


@pytest.fixture(scope="module")
def build(weights: Weights) -> Build:
    """Build a loss by name with small weights; every call makes a new one, a patch loss with the same draws."""

    def built(name: str, **changes: Any) -> WeightedTerms:
        if name not in LOSSES:
            pytest.fail(
                f"tests/test_losses.py: add to LOSSES the entry '{name}': Case(loss network or None, arguments)"
            )
        case = LOSSES[name]
        added: dict[str, Any] = {} if case.network is None else {"weights": weights(case.network)}
        if "generator" in TAKEN[name]:
            added["generator"] = torch.Generator().manual_seed(0)
        return losses.build(name, **{**case.arguments, **added, **changes})

    return built


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def pair(*shape: int) -> tuple[Tensor, Tensor]:
    """Make a prediction that wants a gradient, and a target."""
    return uniform(*shape, seed=2).requires_grad_(), uniform(*shape, seed=3)


def held(loss: Hidden) -> dict[str, Tensor]:
    """Copy the parameters and buffers of the loss network."""
    named = [*loss.network.named_parameters(), *loss.network.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def frozen(loss: WeightedTerms) -> Any:
    assert isinstance(loss, Hidden)
    return loss


def restarted(loss: WeightedTerms) -> WeightedTerms:
    """Set the generator of a patch loss back, so that it draws the same patches again."""
    if isinstance(loss, PatchFeatureLoss):
        assert loss.generator is not None
        loss.generator.manual_seed(0)
    return loss


def everywhere(name: str) -> dict[str, Any]:
    """Return the arguments that make a patch loss see the whole image."""
    return {"keep": 1.0} if "keep" in TAKEN[name] else {}


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


def swapped(image: Tensor, side: int) -> Tensor:
    """Swap the first and the last square patch of an image."""
    result = image.clone()
    result[..., :side, :side] = image[..., -side:, -side:]
    result[..., -side:, -side:] = image[..., :side, :side]
    return result


def by_position(features: Tensor) -> Tensor:
    """Bring tokens (N, L, D) and maps (N, D, h, w) to (N, positions, D)."""
    return features if features.ndim == 3 else features.flatten(2).transpose(1, 2)


def test_every_loss_has_an_entry_here() -> None:
    missing = sorted(set(NAMES) - LOSSES.keys())
    assert not missing, f"add to LOSSES in tests/test_losses.py, as Case(loss network or None, arguments): {missing}"
    assert LOSSES.keys() == set(NAMES), "LOSSES in tests/test_losses.py names a loss that is gone"


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


@EVERY
def test_a_loss_has_nothing_to_train_and_nothing_to_save(build: Build, name: str) -> None:
    loss = build(name)
    assert list(loss.parameters()) == []
    assert list(loss.buffers()) == []
    assert loss.state_dict() == {}


@FROZEN
def test_an_optimiser_step_leaves_the_loss_network_bit_for_bit(build: Build, name: str) -> None:
    loss = frozen(build(name))
    loss.train().requires_grad_(True)  # what a careless loop might do
    before = held(loss)
    network = nn.Conv2d(3, 3, 3, padding=1)
    weight = network.weight.detach().clone()
    recipe = Recipe(steps=1, batch=1, patch=24, optimizer="adamw", learning_rate=0.1, weight_decay=0.1)
    optimizer = Adam([*network.parameters(), *loss.parameters()], recipe)
    loss(network(uniform(1, 3, 24, 24)), uniform(1, 3, 24, 24, seed=2)).backward()
    optimizer.step(0.1)
    assert not torch.equal(network.weight, weight)
    after = held(loss)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())
    assert not loss.network.training
    assert not any(parameter.requires_grad for parameter in loss.network.parameters())
    assert all(parameter.grad is None for parameter in loss.network.parameters())


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


@MASKED
@pytest.mark.parametrize("pixel", ["l1", "l2"])
def test_an_autoencoder_loss_is_the_distance_of_aligned_whole_image_features(
    build: Build, name: str, pixel: str
) -> None:
    loss = frozen(build(name, pixel=pixel, **everywhere(name)))
    prediction, target = (image.detach() for image in pair(2, 3, 32, 48))
    features = [by_position(loss.network.encode(image)).double().numpy() for image in (prediction, target)]
    positions = {"mae": 4 * 6, "cnn_mae": 4 * 6}[loss.network.loss_network]
    assert features[0].shape[:2] == (2, positions)
    difference = np.abs(features[0] - features[1])
    expected = np.mean(difference if pixel == "l1" else difference**2)
    assert float(loss.terms(prediction, target)[name]) == pytest.approx(expected, rel=1e-5)


@MASKED
def test_two_swapped_patches_are_seen_though_a_loss_blind_to_order_would_not(build: Build, name: str) -> None:
    loss = frozen(build(name, **everywhere(name)))
    target = uniform(1, 3, 64, 64)
    prediction = swapped(target, 16)
    aligned = float(loss.terms(prediction, target)[name])
    # sorted along the positions, features forget where they were
    blind = [by_position(loss.network.encode(image)).sort(dim=1).values for image in (prediction, target)]
    assert aligned > 0.02
    assert aligned > 2 * float((blind[0] - blind[1]).abs().mean())


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
        with pytest.raises(UserError, match=f"loss '{name}' takes no argument '{argument}'"):
            build(name, **{argument: 1})


def test_an_unknown_layer_is_named_before_training(build: Build) -> None:
    with pytest.raises(UserError, match="has no 'conv2_3'; did you mean 'conv"):
        build("vgg", layer="conv2_3")


@WEIGHTED
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "1e-3", None, True])
def test_a_weight_that_is_no_finite_number_is_named(build: Build, name: str, weight: Any) -> None:
    with pytest.raises(UserError, match=f"weight of term '{name}': {weight!r} is not"):
        build(name, weight=weight)


@LEARNED
def test_weights_that_are_absent_truncated_or_of_another_kind_are_named(
    weights: Weights, build: Build, name: str, tmp_path: Path
) -> None:
    with pytest.raises(
        UserError, match=f"loss '{name}' needs weights=PATH of a {' or '.join(NEEDED[name])} loss network"
    ):
        build(name, weights=None)
    path = tmp_path / "net.safetensors"
    for absent in (path, tmp_path):
        with pytest.raises(UserError, match=re.escape(str(absent))):
            build(name, weights=absent)
    whole = weights(NEEDED[name][0]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=re.escape(str(path))):
        build(name, weights=path)
    for kind in NETWORKS.keys() - set(NEEDED[name]):
        with pytest.raises(UserError, match=f"{weights(kind)} holds the loss network '{kind}', but loss '{name}'"):
            build(name, weights=weights(kind))


@LEARNED
def test_every_kind_of_loss_network_that_a_loss_names_serves_it(weights: Weights, build: Build, name: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    for kind in NEEDED[name]:
        loss = frozen(build(name, weights=weights(kind)))
        assert loss.network.loss_network == kind
        assert all(0 < term.item() < math.inf for term in loss.terms(prediction, target).values())


@FROZEN
def test_a_copy_has_its_own_frozen_network_and_gives_the_same(build: Build, name: str) -> None:
    loss = frozen(build(name))
    twin = copy.deepcopy(loss)
    prediction, target = pair(1, 3, 24, 24)
    assert torch.equal(twin(prediction, target), loss(prediction, target))
    assert twin.network is not loss.network
    assert list(twin.parameters()) == []
    assert not any(parameter.requires_grad for parameter in twin.network.parameters())


@FROZEN
def test_moving_a_loss_moves_the_network_within(build: Build, name: str) -> None:
    loss = frozen(build(name))
    prediction, target = pair(1, 3, 24, 24)
    before = loss(prediction, target).item()
    assert loss.to(memory_format=torch.channels_last) is loss
    spatial = [tensor for tensor in loss.network.parameters() if tensor.ndim == 4]
    assert spatial
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in spatial)
    assert restarted(loss)(prediction, target).item() == pytest.approx(before, rel=1e-5)
    loss.to("meta")
    assert {tensor.device.type for tensor in held(loss).values()} == {"meta"}


@EVERY
def test_the_order_in_memory_changes_nothing(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(2, 3, 33, 24)
    reordered = prediction.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert not reordered.is_contiguous()
    values = [restarted(loss)(image, target) for image in (prediction, reordered)]
    assert values[1].item() == pytest.approx(values[0].item(), rel=1e-5)
    (expected,), (found,) = (
        torch.autograd.grad(value, image) for value, image in zip(values, (prediction, reordered), strict=True)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ON_VGG])
@pytest.mark.parametrize("bands", [1, 4])
def test_images_of_one_and_of_four_bands_and_odd_size_in_any_order_and_precision(
    weights: Weights, build: Build, name: str, bands: int
) -> None:
    changes: dict[str, Any] = {}
    if kind := LOSSES[name].network:
        changes = {"weights": weights(kind, bands=bands)}
    elif name in RANDOM:
        changes = {"architecture": {**LOSSES[name].arguments["architecture"], "bands": bands}}
    loss = build(name, **changes)
    prediction, target = pair(2, bands, 33, 23)
    value = loss(prediction, target)
    (gradient,) = torch.autograd.grad(value, prediction)
    assert gradient.shape == prediction.shape
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().max()) > 0
    reordered = (image.detach().contiguous(memory_format=torch.channels_last) for image in (prediction, target))
    assert restarted(loss)(*reordered).item() == pytest.approx(value.item(), rel=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert restarted(loss)(prediction.bfloat16(), target).item() == pytest.approx(value.item(), rel=0.02)


@pytest.mark.parametrize("name", ON_VGG)
@pytest.mark.parametrize("bands", [1, 4])
def test_a_vgg_refuses_images_that_are_not_rgb(build: Build, name: str, bands: int) -> None:
    loss = build(name)
    with pytest.raises(UserError, match=rf"shape \(\d+, {bands}, \d+, \d+\), the loss network takes \(N, 3, H, W\)"):
        loss(*pair(1, bands, 24, 24))


@pytest.mark.parametrize("name", ["original", "log_cosh", "vgg", "ctmae", "ccmae", "ept", "p_ctmae", "p_ccmae"])
def test_a_loss_compiles_into_one_graph(build: Build, name: str) -> None:
    torch.compiler.reset()
    # all patches, since the compiled call draws others; a generator of its own would break the graph
    loss = build(name, **({"keep": 1.0, "generator": None} if name.startswith("p_") else {}))
    prediction, target = pair(2, 3, 33, 24)
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    values = [loss(prediction, target), compiled(prediction, target)]
    assert values[1].item() == pytest.approx(values[0].item(), rel=1e-6)
    gradients = [torch.autograd.grad(value, prediction)[0] for value in values]
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-4, atol=1e-7)


def test_the_command_lists_every_loss_with_its_source() -> None:
    command = [sys.executable, "-m", "pipeline", "losses", "--json"]
    rows = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    rows = [row for row in rows if not row["name"].endswith("_video")]
    assert [row["name"] for row in rows] == NAMES
    assert {row["name"]: tuple(row["loss_networks"]) for row in rows} == NEEDED
    assert all(row["source"] for row in rows)
    assert {
        "kmae": ("mae",),
        "ctmae": ("mae",),
        "ccmae": ("cnn_mae", "unet_mae"),
        "original": (),
    }.items() <= NEEDED.items()
    known = set(plugins.names("loss_networks"))
    assert all(known & set(kinds) for kinds in NEEDED.values() if kinds)
