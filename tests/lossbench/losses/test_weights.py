"""The loss network within a loss: nobody trains it, and what it is made of is checked."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from _losses import (
    EVERY,
    FROZEN,
    LEARNED,
    LOSSES,
    MASKED,
    NEEDED,
    NETWORKS,
    Build,
    Weights,
    everywhere,
    frozen,
    held,
    pair,
    uniform,
)
from torch import Tensor, nn

from lossbench.errors import UserError
from pipeline.learning.optimisation import Adam
from pipeline.specs.recipe import Recipe


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


def swapped(image: Tensor, side: int) -> Tensor:
    """Swap the first and the last square patch of an image."""
    result = image.clone()
    result[..., :side, :side] = image[..., -side:, -side:]
    result[..., -side:, -side:] = image[..., :side, :side]
    return result


def by_position(features: Tensor) -> Tensor:
    """Bring tokens (N, L, D) and maps (N, D, h, w) to (N, positions, D)."""
    return features if features.ndim == 3 else features.flatten(2).transpose(1, 2)


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


def test_an_unknown_layer_is_named_before_training(build: Build) -> None:
    with pytest.raises(UserError, match="has no 'conv2_3'; did you mean 'conv"):
        build("vgg", layer="conv2_3")


@LEARNED
def test_weights_that_are_absent_truncated_or_of_another_kind_are_named(
    weights: Weights, build: Build, name: str, tmp_path: Path
) -> None:
    loss = LOSSES[name].loss
    with pytest.raises(
        UserError, match=f"loss '{loss}' needs weights=PATH of a {' or '.join(NEEDED[name])} loss network"
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
        with pytest.raises(UserError, match=f"{weights(kind)} holds the loss network '{kind}', but loss '{loss}'"):
            build(name, weights=weights(kind))


@LEARNED
def test_every_kind_of_loss_network_that_a_loss_names_serves_it(weights: Weights, build: Build, name: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    for kind in NEEDED[name]:
        loss = frozen(build(name, weights=weights(kind)))
        assert loss.network.loss_network == kind
        assert all(0 < term.item() < math.inf for term in loss.terms(prediction, target).values())
