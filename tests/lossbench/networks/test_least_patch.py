"""The least training patch that a network of pictures states is the least from which every weight gets a gradient."""

from typing import Any

import pytest
import torch
from _networks import SMALL, noise
from torch import nn

from lossbench import plugins
from lossbench.networks import build, window

NAMES = [name for name in plugins.names("networks") if window(name) == 1]
LESS = {"drbn": 4, "mprnet": 8, "noise2noise": 32, "sid": 16}
"""The next smaller patch that a network takes, where that is not one pixel less."""
LEAST_INPUT = {"innformer", "vae"}
"""Networks that take no smaller input."""
DRAWS = 6
"""Of weights and pictures: a ReLU of a narrow layer can cut a weight off in one of them."""


def untouched(name: str, side: int, seed: int) -> set[str]:
    """Return the places of the kernels of `name` that get no gradient from square patches of `side` pixels."""
    torch.manual_seed(seed)
    network: Any = build(name, **SMALL[name]).train()
    prediction = network(noise(side, side, 2, network.in_channels))
    (prediction - torch.rand_like(prediction)).abs().mean().backward()
    found = set()
    for key, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.weight.grad is not None, key
            reached = layer.weight.grad.abs().sum(dim=(0, 1)) > 0
            found |= {f"{key} {place}" for place in torch.argwhere(~reached).tolist()}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_gets_a_gradient_from_the_least_patch(name: str) -> None:
    least = plugins.constant("networks", name, "LEAST_PATCH")
    never = set.intersection(*(untouched(name, least, seed) for seed in range(DRAWS)))
    assert not never


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LEAST_INPUT | {"dncnn", "rfdn"}])
def test_some_weights_get_none_from_a_smaller_one(name: str) -> None:
    least = plugins.constant("networks", name, "LEAST_PATCH")
    assert set.intersection(*(untouched(name, LESS.get(name, least - 1), seed) for seed in range(DRAWS)))


def test_the_attention_of_rfdn_needs_a_map_of_3_x_3() -> None:
    # 1 x 1 up to here: the outer places of the three convolutions of each block read the padding alone
    for side in (16, 20):
        never = set.intersection(*(untouched("rfdn", side, seed) for seed in range(DRAWS)))
        coarse = {place for place in never if ".attention.coarse." in place}
        assert len(coarse) == SMALL["rfdn"]["blocks"] * 3 * 8
    # 2 x 2: a ReLU can cut off the one pixel that reads an outer place
    assert any(".attention.coarse." in place for place in untouched("rfdn", 26, 0))


@pytest.mark.parametrize("name", NAMES)
def test_what_planning_reads_is_what_the_network_takes(name: str) -> None:
    network: Any = build(name, **SMALL[name])
    multiple = plugins.constant("networks", name, "MULTIPLE", 1)
    least = plugins.constant("networks", name, "LEAST_PATCH")
    assert multiple == network.multiple
    assert least % multiple == 0 and least >= network.minimum
