"""EDSR against its published layer table, counts, costs and the authors' arithmetic."""

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
from lossbench.networks._padding import restore, restore_tiled

LAYER = tuple[int, int, int, int, int]
"""Kernel, bands in, bands out, stride, padding."""
SMALL = {"scale": 2, "channels": 8, "blocks": 2}
REACH = 8
"""How far the small EDSR sees, in input pixels: head 1, blocks 2 x 2, body 1, upsampler 1, and half of tail 1."""


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


def fill(network: nn.Module, low_quality: Tensor) -> None:
    """Give each convolution weights that depend on its place in the order of execution only."""
    for i, layer in enumerate(run_recorded(network, low_quality)[0]):
        steps = torch.arange(layer.weight.numel(), dtype=torch.float64)
        weight = torch.sin(steps * 1.7 + i) * math.sqrt(2 / layer.weight[0].numel())
        layer.weight.data = weight.view_as(layer.weight).float()
        assert layer.bias is not None
        layer.bias.data = (torch.cos(torch.arange(layer.out_channels, dtype=torch.float64) + i) * 0.1).float()


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"scale": 2}, 1_369_859),
        ({"scale": 3}, 1_554_499),
        ({"scale": 4}, 1_517_571),
        ({}, 1_517_571),
        ({"scale": 2, "mean_shift": True}, 1_369_859),
        ({"scale": 2, "channels": 256, "blocks": 32, "residual_scale": 0.1}, 40_729_603),
        ({"scale": 3, "channels": 256, "blocks": 32, "residual_scale": 0.1}, 43_680_003),
        ({"scale": 4, "channels": 256, "blocks": 32, "residual_scale": 0.1}, 43_089_923),
    ],
)
def test_edsr_has_the_published_number_of_parameters(arguments: dict[str, object], count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("edsr", **arguments)) == count


@pytest.mark.parametrize(
    ("scale", "upsampler"),
    [(2, [(3, 64, 256, 1, 1)]), (3, [(3, 64, 576, 1, 1)]), (4, [(3, 64, 256, 1, 1), (3, 64, 256, 1, 1)])],
)
def test_edsr_runs_the_published_layers_in_order(scale: int, upsampler: list[LAYER]) -> None:
    layers, _ = run_recorded(build("edsr", scale=scale), picture(4, 4))
    expected = [(3, 3, 64, 1, 1), *[(3, 64, 64, 1, 1)] * 33, *upsampler, (3, 64, 3, 1, 1)]
    for layer, (kernel, inputs, outputs, stride, padding) in zip(layers, expected, strict=True):
        assert layer.kernel_size == (kernel, kernel)
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.stride, layer.padding) == ((stride, stride), (padding, padding))
        assert layer.bias is not None
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def test_each_part_of_edsr_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network = build("edsr", scale=4)
    counts = {name: parameter_count(part) for name, part in network.named_children()}
    body = 16 * 2 * (64 * 64 * 9 + 64) + (64 * 64 * 9 + 64)
    assert counts == {"head": 1_792, "body": body, "upsampler": 2 * (64 * 256 * 9 + 256), "tail": 1_731}
    assert body == 33 * 36_928


@pytest.mark.parametrize(
    ("arguments", "billions"),
    [
        ({"scale": 2}, 3.16),
        ({"scale": 4}, 4.57),
        ({"scale": 2, "channels": 256, "blocks": 32}, 93.85),
        ({"scale": 4, "channels": 256, "blocks": 32}, 115.78),
    ],
)
def test_edsr_costs_the_published_multiplications_at_48_pixels(arguments: dict[str, int], billions: float) -> None:
    layers, outputs = run_recorded(build("edsr", **arguments), picture(3, 3))
    total = sum(output.numel() * layer.weight[0].numel() for layer, output in zip(layers, outputs, strict=True))
    # every layer costs in proportion to the area
    assert total * 16**2 / 1e9 == pytest.approx(billions, abs=0.005)


@pytest.mark.parametrize(
    ("scale", "golden"),
    [
        (2, [0.376416, 0.03483, 0.382942, 0.326647, 0.431883, 0.324519]),
        (3, [0.375636, 0.141428, 0.379353, 0.31723, 0.454167, 0.482068]),
        (4, [0.424264, 0.060566, 0.343282, 0.456672, 0.472022, 0.442011]),
    ],
)
def test_edsr_computes_what_the_x255_form_of_its_authors_computes(scale: int, golden: list[float]) -> None:
    # golden values: the torchsr implementation, which follows the authors', with biases 255 times as large
    low_quality = picture(11, 9)
    network = build("edsr", scale=scale, channels=8, blocks=3, residual_scale=0.5, mean_shift=True)
    fill(network, low_quality)
    with torch.no_grad():
        output = network(low_quality)
    found = [output.mean(), output.std(), *output[0, :, 0, 0], output[0, 1, -1, -1]]
    assert [float(value) for value in found] == pytest.approx(golden, abs=2e-5)


def test_pixels_times_255_give_the_same_picture_when_biases_are_multiplied_too() -> None:
    network = build("edsr", scale=2, channels=8, blocks=2)
    low_quality = picture(6, 7)
    with torch.no_grad():
        expected = network(low_quality)
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.mul_(255)
        torch.testing.assert_close(network(low_quality * 255) / 255, expected, atol=1e-5, rtol=0)


def test_the_mean_shift_is_fixed_saved_and_off_unless_asked_for() -> None:
    plain, shifted = build("edsr", channels=4, blocks=1), build("edsr", channels=4, blocks=1, mean_shift=True)
    assert list(dict(plain.named_buffers())) == []
    mean = dict(shifted.named_buffers())["mean"]
    torch.testing.assert_close(mean, torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1), atol=0, rtol=0)
    assert "mean" in shifted.state_dict()
    for parameter in shifted.parameters():
        parameter.data.zero_()
    # a network that computes nothing leaves the mean colour
    torch.testing.assert_close(shifted(picture(2, 3)), mean.expand(1, 3, 8, 12))


def test_a_residual_scale_of_zero_leaves_the_blocks_without_effect() -> None:
    silent = build("edsr", scale=2, channels=4, blocks=3, residual_scale=0.0)
    short = build("edsr", scale=2, channels=4, blocks=0)
    values = [value for name, value in silent.state_dict().items() if "residual" not in name]
    short.load_state_dict(dict(zip(short.state_dict(), values, strict=True)))
    torch.testing.assert_close(silent(picture(5, 5)), short(picture(5, 5)), atol=0, rtol=0)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.sampled_from([2, 3, 4]),
    height=st.integers(1, 33),
    width=st.integers(1, 33),
    bands=st.sampled_from([1, 3, 4]),
    number=st.integers(1, 2),
)
def test_edsr_takes_any_size(scale: int, height: int, width: int, bands: int, number: int) -> None:
    network = build("edsr", scale=scale, channels=4, blocks=1, bands=bands)
    with torch.no_grad():
        output = network(torch.zeros(number, bands, height, width))
    assert output.shape == (number, bands, scale * height, scale * width)
    assert output.dtype == torch.float32


def test_tiles_that_share_all_that_the_network_sees_give_the_whole_picture() -> None:
    network = build("edsr", **SMALL)
    low_quality = picture(61, 50)
    with torch.no_grad():
        expected = restore(network, low_quality)
    found = restore_tiled(network, low_quality, tile=4 * REACH + 4, overlap=4 * REACH)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_tiles_that_share_nothing_differ_near_the_seams_only() -> None:
    network = build("edsr", **SMALL)
    low_quality = picture(48, 48)
    with torch.no_grad():
        expected = restore(network, low_quality)
    difference = (restore_tiled(network, low_quality, tile=24, overlap=0) - expected).abs()
    # one seam along each axis, at input pixel 24
    near = torch.zeros(96, dtype=torch.bool)
    near[2 * (24 - REACH) : 2 * (24 + REACH)] = True
    seams = near[:, None] | near[None, :]
    assert difference[..., seams].max() > 1e-4
    assert difference[..., ~seams].max() < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 5}, "x5; give 2, 3 or 4"),
        ({"scale": 1}, "x1; give 2, 3 or 4"),
        ({"channels": 0}, "channels 0"),
        ({"blocks": -1}, "blocks -1"),
        ({"bands": 4, "mean_shift": True}, "3 bands, the pictures 4"),
    ],
)
def test_sizes_that_edsr_does_not_have_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("edsr", **arguments)
