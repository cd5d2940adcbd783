"""A loss copied, moved, given other layouts, bands and precisions, and compiled."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from _losses import (
    EVERY,
    FROZEN,
    LOSSES,
    NAMES,
    ON_VGG,
    RANDOM,
    Build,
    Weights,
    frozen,
    held,
    pair,
    restarted,
)


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


@pytest.mark.parametrize(
    "name",
    [
        *("original", "log_cosh", "ssim", "ms_ssim", "fft", "gradient", "focal_frequency", "laplacian"),
        *("vgg", "ctmae", "ccmae", "perceptual-ept", "p_ctmae", "p_ccmae"),
    ],
)
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
