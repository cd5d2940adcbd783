"""RFDN against the layer table and arithmetic of the released network."""

import pytest
import torch
from _networks import Layer, assert_layers, filled, run_recorded, summary, waves

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count

REDUCED = [Layer(3, 12, 12, 1, 1)] * 3
ATTENTION = [Layer(1, 50, 12, 1, 0), Layer(3, 12, 12, 2, 0), *REDUCED, Layer(1, 12, 12, 1, 0), Layer(1, 12, 50, 1, 0)]
BLOCK = [
    *[Layer(1, 50, 25, 1, 0), Layer(3, 50, 50, 1, 1)] * 3,
    Layer(3, 50, 25, 1, 1),
    Layer(1, 100, 50, 1, 0),
    *ATTENTION,
]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_rfdn_runs_the_published_layers_in_order(scale: int) -> None:
    layers, _ = run_recorded(build("rfdn", scale=scale), waves(16, 16))
    tail = [Layer(1, 200, 50, 1, 0), Layer(3, 50, 50, 1, 1), Layer(3, 50, 3 * scale**2, 1, 1)]
    assert_layers(layers, [Layer(3, 3, 50, 1, 1), *BLOCK * 4, *tail])


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


def test_rfdn_computes_what_the_released_network_computes() -> None:
    # golden values: a restatement of the released code, same weights by order of execution
    low_quality = waves(23, 17)
    golden = [-0.000519, 0.077862, 0.125885, -0.162297, 0.100061, 0.076345]
    with torch.no_grad():
        output = filled(build("rfdn", channels=8), low_quality)(low_quality)
    assert summary(output) == pytest.approx(golden, abs=2e-5)


def test_attention_without_weights_halves_the_features() -> None:
    attention = build("rfdn", channels=8, blocks=1).get_submodule("blocks.0.attention")
    for parameter in attention.parameters():
        parameter.data.zero_()
    features = torch.linspace(-1, 1, 8 * 15 * 16).view(1, 8, 15, 16)
    torch.testing.assert_close(attention(features), features / 2)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_released_weights_are_refused_since_they_are_for_other_pixels(prefix: str) -> None:
    network = build("rfdn", channels=8)
    network.load_state_dict(network.state_dict())
    released = {f"{prefix}fea_conv.weight": torch.zeros(8, 3, 3, 3), f"{prefix}B1.c1_d.bias": torch.zeros(4)}
    for strict in (True, False):
        with pytest.raises(UserError, match=r"work on pixels of 0 to 255, .* network\(255 \* image\) / 255"):
            network.load_state_dict(released, strict=strict)
