"""A loss in a module that is cast, in another process, and made or used under other settings of torch."""

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from _losses import EVERY, Build, frozen, held, pair, restarted, uniform
from torch import nn

from lossbench import networks, storage
from lossbench.losses._features import Hidden
from lossbench.terms import WeightedTerms

CASTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bfloat16": lambda module: module.to(torch.bfloat16),
    "half": lambda module: module.half(),
    "double": lambda module: module.double(),
    "float": lambda module: module.float(),
    "channels last": lambda module: module.to(torch.bfloat16, memory_format=torch.channels_last),  # type: ignore[call-overload]
    "emptied": lambda module: module.to_empty(device="cpu"),
}


@EVERY
def test_a_loss_in_a_module_that_is_cast_keeps_its_arithmetic(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(1, 3, 24, 24)
    expected = restarted(loss)(prediction, target).item()
    module = nn.ModuleDict({"network": nn.Conv2d(3, 3, 3), "loss": loss})
    before = {key: value.dtype for key, value in held(loss).items()} if isinstance(loss, Hidden) else {}
    for cast in CASTS.values():
        cast(module)
        if isinstance(loss, Hidden):
            assert {key: value.dtype for key, value in held(loss).items()} == before
        # the layout in memory may change the last bits
        assert restarted(loss)(prediction, target).item() == pytest.approx(expected, rel=1e-5)


@EVERY
def test_inputs_of_any_floating_type_are_taken(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(1, 3, 24, 24)
    expected = restarted(loss)(prediction, target).item()
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        cast_prediction = prediction.detach().to(dtype).requires_grad_()
        found = restarted(loss)(cast_prediction, target.to(dtype))
        found.backward()
        assert found.dtype is torch.float32
        assert found.item() == pytest.approx(expected, rel=0.05)
        assert cast_prediction.grad is not None and cast_prediction.grad.dtype is dtype


@pytest.mark.parametrize("name", ["vgg", "ctmae", "ccmae"])
@pytest.mark.parametrize("precision", ["fast", "difference"])
def test_a_mode_of_bfloat16_products_is_kept_by_a_cast(build: Build, name: str, precision: str) -> None:
    loss = frozen(build(name, precision=precision))
    before = {key: value.dtype for key, value in held(loss).items()}
    assert torch.bfloat16 in before.values()
    loss.float()
    assert {key: value.dtype for key, value in held(loss).items()} == before


def saved_and_loaded(loss: WeightedTerms) -> WeightedTerms:
    buffer = io.BytesIO()
    torch.save(loss, buffer)
    buffer.seek(0)
    loaded: WeightedTerms = torch.load(buffer, weights_only=False)
    return loaded


@EVERY
def test_a_loss_goes_to_another_process_and_into_a_file(build: Build, name: str) -> None:
    loss = build(name)
    prediction, target = pair(1, 3, 24, 24)
    expected = restarted(loss)(prediction, target)
    for twin in (pickle.loads(pickle.dumps(loss)), saved_and_loaded(loss), copy.deepcopy(loss)):
        assert torch.equal(restarted(twin)(prediction, target), expected)


def test_a_loss_of_shuffled_tokens_and_of_classes_goes_too(build: Build) -> None:
    prediction, target = pair(1, 3, 24, 24)
    loss = build("ctmae", token_order="shuffled", class_token=True, layer=1)
    twin = pickle.loads(pickle.dumps(loss))
    assert torch.equal(twin(prediction, target), loss(prediction, target))


@contextmanager
def default_dtype() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    # stands for a GPU: what is made there by mistake can't be used with what lies on the CPU
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


SURROUNDINGS = {
    "default dtype": default_dtype,
    "default device": default_device,
    "device": lambda: torch.device("meta"),
    "inference mode": torch.inference_mode,
    "no grad": torch.no_grad,
}


@EVERY
@pytest.mark.parametrize("around", SURROUNDINGS)
def test_a_loss_is_the_same_whatever_surrounds_its_making(build: Build, name: str, around: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    expected = restarted(build(name))(prediction, target)
    with SURROUNDINGS[around]():
        generator = {"generator": torch.Generator("cpu").manual_seed(0)} if name.startswith("p_") else {}
        loss = build(name, **generator)
        if around.startswith("default"):
            assert torch.equal(restarted(loss)(prediction, target), expected)
    found = restarted(loss)(prediction, target)
    assert torch.equal(found, expected)
    found.backward()
    assert prediction.grad is not None


@pytest.mark.parametrize("around", SURROUNDINGS)
def test_a_trained_network_is_the_same_whatever_surrounds_its_loading(
    around: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("trained") / "model.safetensors"
    arguments = {"scale": 2, "channels": 4, "blocks": 1}
    network = networks.build("edsr", **arguments)
    storage.save(path, network, {"name": "edsr", "arguments": arguments})
    with SURROUNDINGS[around]():
        loaded = networks.load_network(path)
    picture = uniform(1, 3, 8, 8)
    # it may be trained further
    loaded.requires_grad_()
    loaded(picture).sum().backward()
    assert torch.equal(loaded(picture), network(picture))
