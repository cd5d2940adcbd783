"""SID against its published layer table and arithmetic."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from _network_sizes import BAYER
from _networks import Layer, assert_layers, filled, run_recorded, summary, waves
from torch import nn

from lossbench.networks import build, parameter_count

WIDTHS = [32, 64, 128, 256, 512]


def test_sid_runs_the_published_layers_in_order() -> None:
    layers, _ = run_recorded(build("sid"), waves(16, 32))
    sides = [pair for inputs, width in pairwise([3, *WIDTHS]) for pair in ((inputs, width), (width, width))]
    down = [Layer(3, inputs, outputs, 1, 1) for inputs, outputs in sides]
    up = [
        layer
        for deep, width in pairwise(WIDTHS[::-1])
        for layer in (
            Layer(2, deep, width, 2, 0, transposed=True),
            Layer(3, 2 * width, width, 1, 1),
            Layer(3, width, width, 1, 1),
        )
    ]
    expected = [*down, *up, Layer(1, 32, 3, 1, 0)]
    assert len(expected) == 23
    assert_layers(layers, expected)


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
    _, outputs = run_recorded(network, waves(32, 48))
    heights = [output.shape[-2] for output in outputs]
    assert heights == [32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 32]
    slopes = [layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 18


def test_sid_computes_what_the_published_variant_computes() -> None:
    # golden values: a restatement of the public PyTorch variant, same weights by order of execution
    low_quality = waves(32, 48)
    golden = [-0.018596, 0.060826, -0.085147, -0.043217, 0.045073, -0.077528]
    with torch.no_grad():
        output = filled(build("sid", width=4), low_quality)(low_quality)
    assert summary(output) == pytest.approx(golden, abs=2e-6)


def test_the_output_is_neither_activated_nor_clamped() -> None:
    network: Any = build("sid", width=2)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.tail[0].bias.data = torch.tensor([-0.5, 0.25, 1.5])
    expected = torch.tensor([-0.5, 0.25, 1.5]).view(1, 3, 1, 1).expand(1, 3, 16, 32)
    assert torch.equal(network(waves(16, 32)), expected)


def test_the_bayer_variant_lays_twelve_channels_out_in_squares_of_four() -> None:
    network: Any = build("sid", width=2, **BAYER)
    assert (network.in_channels, network.out_channels, network.scale) == (4, 3, 2)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.tail[0].bias.data = torch.arange(12.0)
    output = network(waves(16, 16, bands=4))
    assert output.shape == (1, 3, 32, 32)
    for band in range(3):
        assert output[0, band, :2, :2].flatten().tolist() == [4 * band + i for i in range(4)]
    assert [layer.bias for layer in network.up] == [None] * 4
