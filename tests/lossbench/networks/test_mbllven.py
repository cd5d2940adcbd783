"""MBLLVEN against the layer table of the re-implementation."""

from typing import Any

import pytest
import torch
from _video_networks import SMALL, clip
from torch import nn

from lossbench.networks import build, parameter_count


def test_each_part_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("mbllven")
    branch = 656 + 16_016 + 2 * 32_016 + 32_016 + 16_008 + 3_003
    assert [parameter_count(each) for each in network.branches] == [branch] * 5
    assert [parameter_count(each) for each in network.features] == [1_312, *[5_632] * 4]
    assert parameter_count(network.fusion) == 18 * 3 + 3


def test_a_branch_has_the_published_layers_in_order() -> None:
    with torch.device("meta"):
        network: Any = build("mbllven")
    for branch in network.branches:
        layers = [layer for layer in branch if not isinstance(layer, nn.LeakyReLU)]
        found = [(type(each), each.in_channels, each.out_channels, each.kernel_size[0]) for each in layers]
        assert found == [
            (nn.Conv3d, 3, 8, 3),
            (nn.Conv3d, 8, 16, 5),
            (nn.Conv3d, 16, 16, 5),
            (nn.Conv3d, 16, 16, 5),
            (nn.ConvTranspose3d, 16, 16, 5),
            (nn.ConvTranspose3d, 16, 8, 5),
            (nn.ConvTranspose3d, 8, 3, 5),
        ]
        assert [each.padding[0] for each in layers] == [1, 0, 0, 0, 0, 0, 0]
        assert all(each.bias is not None and each.stride == (1, 1, 1) for each in layers)
    slopes = [layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * (5 + 5 * 7)


def test_the_first_three_channels_of_each_depth_go_to_its_branch_and_the_others_on() -> None:
    network: Any = build("mbllven", branches=2, channels=6)
    found: dict[str, Any] = {}
    for name, layer in network.named_modules():
        layer.register_forward_hook(
            lambda _, inputs, output, name=name: found.__setitem__(name, (inputs[0].clone(), output.clone()))
        )
    frames = clip(13, 13, 14)
    with torch.no_grad():
        prediction = network(frames)
    moved = frames.transpose(1, 2)
    assert torch.equal(found["features.0"][0], moved)
    assert torch.equal(found["branches.0"][0], found["features.0"][1][:, :3])
    assert torch.equal(found["features.1"][0], found["features.0"][1][:, 3:])
    assert torch.equal(found["branches.1"][0], found["features.1"][1][:, :3])
    joined = torch.cat((moved, found["branches.0"][1], found["branches.1"][1]), dim=1)
    assert torch.equal(found["fusion"][0], joined)
    assert torch.equal(found["fusion"][1].transpose(1, 2), prediction)


def test_the_output_is_neither_activated_nor_clamped() -> None:
    network: Any = build("mbllven", **SMALL["mbllven"])
    for parameter in network.parameters():
        parameter.data.zero_()
    network.fusion.bias.data = torch.tensor([-0.5, 0.25, 1.5])
    found = network(clip(13, 13, 13))
    assert torch.equal(found, torch.tensor([-0.5, 0.25, 1.5]).view(1, 1, 3, 1, 1).expand(1, 13, 3, 13, 13))


def test_odd_numbers_of_frames_and_pixels_are_taken_as_they_are() -> None:
    network = build("mbllven", **SMALL["mbllven"])
    with torch.no_grad():
        for frames, height, width in ((13, 13, 13), (14, 15, 17), (16, 13, 20)):
            assert network(clip(frames, height, width)).shape == (1, frames, 3, height, width)


def test_the_order_of_the_frames_matters() -> None:
    network = build("mbllven", **SMALL["mbllven"])
    frames = clip(14, 13, 13)
    with torch.no_grad():
        assert (network(frames.flip(1)).flip(1) - network(frames)).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 12, 3, 16, 16), "needs 13 frames or more, got 12; give a longer clip"),
        ((1, 1, 3, 16, 16), "needs 13 frames or more, got 1;"),
        ((1, 16, 3, 12, 16), "needs 13 x 13 px or more, got 12 x 16"),
        ((1, 16, 1, 16, 16), r"takes \(N, T, 3, H, W\), got \(1, 16, 1, 16, 16\)"),
        ((16, 3, 16, 16), r"takes \(N, T, 3, H, W\), got \(16, 3, 16, 16\)"),
    ],
)
def test_what_it_does_not_take_is_named(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build("mbllven", **SMALL["mbllven"])(torch.zeros(shape))
