"""RFDN against the layer table, counts, cost and arithmetic of the released network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count

LAYER = tuple[int, int, int, int, int]
"""Kernel, bands in, bands out, stride, padding."""
ATTENTION: list[LAYER] = [
    (1, 50, 12, 1, 0),
    (3, 12, 12, 2, 0),
    (3, 12, 12, 1, 1),
    (3, 12, 12, 1, 1),
    (3, 12, 12, 1, 1),
    (1, 12, 12, 1, 0),
    (1, 12, 50, 1, 0),
]
BLOCK: list[LAYER] = [
    *[(1, 50, 25, 1, 0), (3, 50, 50, 1, 1)] * 3,
    (3, 50, 25, 1, 1),
    (1, 100, 50, 1, 0),
    *ATTENTION,
]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def picture(height: int, width: int) -> Tensor:
    """(1, 3, height, width) in [0, 1]."""
    steps = torch.arange(3 * height * width, dtype=torch.float64)
    return (torch.sin(steps * 0.37) * 0.5 + 0.5).view(1, 3, height, width).float()


def run_recorded(network: nn.Module, low_quality: Tensor) -> tuple[list[nn.Conv2d], list[Tensor]]:
    """Return the convolutions in the order in which they run, and their outputs."""
    layers: list[nn.Conv2d] = []
    outputs: list[Tensor] = []

    def record(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        layers.append(layer)
        outputs.append(output)

    hooks = [layer.register_forward_hook(record) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        network(low_quality)
    for hook in hooks:
        hook.remove()
    return layers, outputs


@pytest.mark.parametrize(("scale", "count"), [(2, 417_212), (3, 423_977), (4, 433_448)])
def test_rfdn_has_the_published_number_of_parameters(scale: int, count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("rfdn", scale=scale)) == count


def test_the_defaults_of_rfdn_are_the_released_network() -> None:
    with torch.device("meta"):
        assert parameter_count(build("rfdn")) == 433_448
        assert parameter_count(build("rfdn", attention_channels=12)) == 433_448


def test_the_often_quoted_rfdn_l_of_52_channels_and_6_blocks_counts_as_quoted() -> None:
    with torch.device("meta"):
        assert parameter_count(build("rfdn", channels=52, blocks=6)) == 680_754


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_rfdn_runs_the_published_layers_in_order(scale: int) -> None:
    layers, _ = run_recorded(build("rfdn", scale=scale), picture(16, 16))
    tail = [(1, 200, 50, 1, 0), (3, 50, 50, 1, 1), (3, 50, 3 * scale**2, 1, 1)]
    expected = [(3, 3, 50, 1, 1), *BLOCK * 4, *tail]
    for layer, (kernel, inputs, outputs, stride, padding) in zip(layers, expected, strict=True):
        assert layer.kernel_size == (kernel, kernel)
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.stride, layer.padding) == ((stride, stride), (padding, padding))
        assert layer.bias is not None
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def test_each_part_of_rfdn_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network = build("rfdn")
    assert {name: parameter_count(part) for name, part in network.named_children()} == {
        "head": 3 * 50 * 9 + 50,
        "blocks": 4 * 94_450,
        "fuse": 200 * 50 + 50,
        "merge": 50 * 50 * 9 + 50,
        "upsampler": 50 * 48 * 9 + 48,
    }
    block = network.get_submodule("blocks.0")
    assert parameter_count(block) == 94_450
    assert parameter_count(block.get_submodule("attention")) == 6_650
    assert parameter_count(block.get_submodule("distil")) == 3 * (50 * 25 + 25)
    assert parameter_count(block.get_submodule("refine")) == 3 * (50 * 50 * 9 + 50)
    assert parameter_count(block.get_submodule("last")) == 50 * 25 * 9 + 25
    assert parameter_count(block.get_submodule("fuse")) == 100 * 50 + 50


def test_rfdn_costs_the_published_multiplications_at_256_pixels() -> None:
    layers, outputs = run_recorded(build("rfdn"), picture(256, 256))
    total = sum(output.numel() * layer.weight[0].numel() for layer, output in zip(layers, outputs, strict=True))
    assert total / 1e9 == pytest.approx(27.03, abs=0.005)


def test_rfdn_computes_what_the_released_network_computes() -> None:
    # golden values: a restatement of the released code, same weights by order of execution
    low_quality = picture(23, 17)
    network = build("rfdn", channels=8)
    for i, layer in enumerate(run_recorded(network, low_quality)[0]):
        steps = torch.arange(layer.weight.numel(), dtype=torch.float64)
        weight = torch.sin(steps * 1.7 + i) * math.sqrt(2 / layer.weight[0].numel())
        layer.weight.data = weight.view_as(layer.weight).float()
        assert layer.bias is not None
        layer.bias.data = (torch.cos(torch.arange(layer.out_channels, dtype=torch.float64) + i) * 0.1).float()
    with torch.no_grad():
        output = network(low_quality)
    found = [output.mean(), output.std(), *output[0, :, 0, 0], output[0, 1, -1, -1]]
    golden = [-0.000519, 0.077862, 0.125885, -0.162297, 0.100061, 0.076345]
    assert [float(value) for value in found] == pytest.approx(golden, abs=2e-5)


def test_attention_without_weights_halves_the_features() -> None:
    attention = build("rfdn", channels=8, blocks=1).get_submodule("blocks.0.attention")
    for parameter in attention.parameters():
        parameter.data.zero_()
    features = torch.linspace(-1, 1, 8 * 15 * 16).view(1, 8, 15, 16)
    torch.testing.assert_close(attention(features), features / 2)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.integers(1, 4),
    height=st.integers(15, 47),
    width=st.integers(15, 47),
    channels=st.sampled_from([4, 7, 8]),
    bands=st.sampled_from([1, 3]),
)
def test_rfdn_takes_any_size_from_15_pixels_on(scale: int, height: int, width: int, channels: int, bands: int) -> None:
    network = build("rfdn", scale=scale, channels=channels, blocks=2, bands=bands)
    with torch.no_grad():
        output = network(torch.zeros(2, bands, height, width))
    assert output.shape == (2, bands, scale * height, scale * width)
    assert output.dtype == torch.float32


@pytest.mark.parametrize(("height", "width"), [(14, 15), (15, 14), (1, 400)])
def test_an_input_below_15_pixels_is_named(height: int, width: int) -> None:
    network = build("rfdn", channels=4, blocks=1)
    with pytest.raises(ValueError, match=f"15 x 15 px or more, got {height} x {width}"):
        network(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize("arguments", [{"channels": 3}, {"blocks": 0}, {"attention_channels": 0}, {"scale": 0}])
def test_a_layer_without_channels_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(UserError, match="leave a layer empty"):
        build("rfdn", **arguments)
