"""SID against its published layer table, counts, cost and arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count
from lossbench.networks._padding import restore

BAYER: dict[str, Any] = {"in_channels": 4, "scale": 2, "transposed_bias": False}
WIDTHS = [32, 64, 128, 256, 512]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def picture(height: int, width: int, bands: int = 3) -> Tensor:
    """(1, bands, height, width) in [0, 1]."""
    steps = torch.arange(bands * height * width, dtype=torch.float64)
    return (torch.sin(steps * 0.37) * 0.5 + 0.5).view(1, bands, height, width).float()


def run_recorded(network: nn.Module, low_quality: Tensor) -> tuple[list[Any], list[tuple[Tensor, Tensor]]]:
    """Return the convolutions in the order in which they run, and the input and output of each."""
    layers: list[nn.Module] = []
    tensors: list[tuple[Tensor, Tensor]] = []

    def record(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        layers.append(layer)
        tensors.append((inputs[0], output))

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    hooks = [layer.register_forward_hook(record) for layer in network.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        network(low_quality)
    for hook in hooks:
        hook.remove()
    return layers, tensors


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 7_760_163),
        ({"transposed_bias": False}, 7_759_683),
        ({"in_channels": 3, "out_channels": 3, "scale": 1, "width": 32, "transposed_bias": True}, 7_760_163),
        (BAYER, 7_760_268),
    ],
)
def test_sid_has_the_published_number_of_parameters(arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("sid", **arguments)) == count


def test_sid_runs_the_published_layers_in_order() -> None:
    layers, _ = run_recorded(build("sid"), picture(16, 32))
    down = [(3, a, b, 1) for inputs, width in pairwise([3, *WIDTHS]) for a, b in ((inputs, width), (width, width))]
    up = [
        layer
        for deep, width in pairwise(WIDTHS[::-1])
        for layer in ((2, deep, width, 2), (3, 2 * width, width, 1), (3, width, width, 1))
    ]
    expected = [*down, *up, (1, 32, 3, 1)]
    assert len(expected) == 23
    for layer, (kernel, inputs, outputs, stride) in zip(layers, expected, strict=True):
        assert isinstance(layer, nn.ConvTranspose2d) == (stride == 2)
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.kernel_size, layer.stride) == ((kernel, kernel), (stride, stride))
        assert layer.padding == ((1, 1) if kernel == 3 else (0, 0))
        assert layer.bias is not None
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def test_each_part_of_sid_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network = build("sid")
    assert {name: parameter_count(part) for name, part in network.named_children()} == {
        "encoder": sum(9 * a * b + 9 * b * b + 2 * b for a, b in pairwise([3, *WIDTHS])),
        "pool": 0,
        "up": sum(4 * a * b + b for a, b in pairwise(WIDTHS[::-1])),
        "decoder": sum(9 * 2 * b * b + 9 * b * b + 2 * b for b in WIDTHS[:-1]),
        "tail": 32 * 3 + 3,
    }


def test_every_level_halves_the_size_and_every_second_layer_is_activated_with_slope_a_fifth() -> None:
    network: Any = build("sid", width=2)
    _, tensors = run_recorded(network, picture(32, 48))
    heights = [output.shape[-2] for _, output in tensors]
    assert heights == [32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 32]
    slopes = [layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 18


def test_sid_costs_the_published_multiplications_at_256_pixels() -> None:
    layers, tensors = run_recorded(build("sid"), picture(16, 16))
    total = 0
    for layer, (before, after) in zip(layers, tensors, strict=True):
        # a transposed convolution multiplies once for each value of its input
        sites = before if isinstance(layer, nn.ConvTranspose2d) else after
        total += sites.numel() * layer.weight[0].numel()
    # every layer costs in proportion to the area
    assert total * 16**2 / 1e9 == pytest.approx(12.08, abs=0.005)


def test_sid_computes_what_the_published_variant_computes() -> None:
    # golden values: a restatement of the public PyTorch variant, same weights by order of execution
    low_quality = picture(32, 48)
    network = build("sid", width=4)
    for i, layer in enumerate(run_recorded(network, low_quality)[0]):
        steps = torch.arange(layer.weight.numel(), dtype=torch.float64)
        axis = 0 if isinstance(layer, nn.Conv2d) else 1
        weight = torch.sin(steps * 1.7 + i) * math.sqrt(2 / layer.weight.select(axis, 0).numel())
        layer.weight.data = weight.view_as(layer.weight).float()
        layer.bias.data = (torch.cos(torch.arange(layer.out_channels, dtype=torch.float64) + i) * 0.1).float()
    with torch.no_grad():
        output = network(low_quality)
    found = [output.mean(), output.std(), *output[0, :, 0, 0], output[0, 1, -1, -1]]
    golden = [-0.018596, 0.060826, -0.085147, -0.043217, 0.045073, -0.077528]
    assert [float(value) for value in found] == pytest.approx(golden, abs=2e-6)


def test_the_output_is_neither_activated_nor_clamped() -> None:
    network: Any = build("sid", width=2)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.tail[0].bias.data = torch.tensor([-0.5, 0.25, 1.5])
    expected = torch.tensor([-0.5, 0.25, 1.5]).view(1, 3, 1, 1).expand(1, 3, 16, 32)
    assert torch.equal(network(picture(16, 32)), expected)


def test_the_bayer_variant_lays_twelve_channels_out_in_squares_of_four() -> None:
    network: Any = build("sid", width=2, **BAYER)
    assert (network.in_channels, network.out_channels, network.scale) == (4, 3, 2)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.tail[0].bias.data = torch.arange(12.0)
    output = network(picture(16, 16, bands=4))
    assert output.shape == (1, 3, 32, 32)
    for band in range(3):
        assert output[0, band, :2, :2].flatten().tolist() == [4 * band + i for i in range(4)]
    assert [layer.bias for layer in network.up] == [None] * 4


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 50), width=st.integers(1, 50), variant=st.sampled_from([{}, BAYER]))
def test_padding_lets_sid_take_any_size(height: int, width: int, variant: dict[str, Any]) -> None:
    network: Any = build("sid", width=2, **variant)
    with torch.no_grad():
        output = restore(network, picture(height, width, bands=network.in_channels))
    assert output.shape == (1, 3, network.scale * height, network.scale * width)
    assert output.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(40, 32), (32, 40), (8, 8)])
def test_a_side_that_is_no_multiple_of_16_is_named(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"multiples of 16 px, got {height} x {width}"):
        build("sid", width=2)(picture(height, width))


def test_bfloat16_channels_last_and_both_modes_give_the_same_picture() -> None:
    network = build("sid", width=8)
    low_quality = picture(32, 48)
    expected = network(low_quality)
    assert torch.equal(network.eval()(low_quality), expected)
    network, low_quality = (
        network.to(memory_format=torch.channels_last),
        low_quality.contiguous(memory_format=torch.channels_last),
    )
    torch.testing.assert_close(network(low_quality), expected, atol=1e-5, rtol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network.train()(low_quality)
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()
    found.float().square().mean().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


@pytest.mark.slow
def test_a_narrow_sid_learns_one_batch_of_dark_pictures() -> None:
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    target = torch.stack([0.5 + 0.4 * torch.sin(0.2 * rows + 0.3 * columns + phase) for phase in range(6)])
    target = target.view(2, 3, 32, 32)
    low_quality = 0.1 * target
    network = build("sid", width=8)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses: list[float] = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = (network(low_quality) - target).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


@pytest.mark.parametrize("argument", ["in_channels", "out_channels", "scale", "width"])
def test_a_count_below_one_is_named(argument: str) -> None:
    with pytest.raises(UserError, match=rf"{argument} 0.*give counts of 1 or more"):
        build("sid", **{argument: 0})
