"""The catalogue of networks."""

import pytest
import torch
from torch import nn

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.networks import build, listing, parameter_count


def test_the_listing_states_the_published_counts() -> None:
    entries = {entry["name"]: entry for entry in listing()}
    assert list(entries) == plugins.names("networks")
    assert entries["edsr"]["parameters"] == {
        "x2": 1_369_859,
        "x3": 1_554_499,
        "x4": 1_517_571,
        "full x2": 40_729_603,
        "full x3": 43_680_003,
        "full x4": 43_089_923,
    }
    assert entries["rfdn"]["parameters"] == {"x2": 417_212, "x3": 423_977, "x4": 433_448}
    assert "Lim et al." in entries["edsr"]["source"]


def test_frozen_values_are_not_counted() -> None:
    layer = nn.Conv2d(2, 3, 3)
    layer.weight.requires_grad_(False)
    layer.register_buffer("mean", torch.zeros(7))
    assert parameter_count(layer) == 3


def test_an_unknown_network_is_named_with_its_neighbour() -> None:
    with pytest.raises(UserError, match=r"unknown network 'edrs'.*did you mean 'edsr'"):
        build("edrs")


@pytest.mark.parametrize("name", ["catalog", "_padding"])
def test_modules_that_are_not_networks_cannot_be_built(name: str) -> None:
    with pytest.raises(UserError, match=f"unknown network '{name}'"):
        build(name)
