"""SMOID: its published sizes and layers, and that it never mixes up places, frames and clips."""

from typing import Any

import pytest
import torch
from torch import nn

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count

BAYER = {"in_channels": 4, "scale": 2}


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 5_429_251),
        (BAYER, 5_430_412),
        ({**BAYER, "depth": 2}, 1_317_260),
        ({**BAYER, "depth": 4}, 21_881_484),
    ],
)
def test_smoid_has_the_published_sizes(arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("smoid", **arguments)) == count


def test_layers_are_those_of_the_published_table() -> None:
    with torch.device("meta"):
        network: Any = build("smoid", **BAYER)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d)]
    sizes = [(4, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
    sizes += [(256, 128), (128, 128), (128, 64), (64, 64), (64, 32), (32, 32), (32, 12)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == sizes
    assert all(layer.kernel_size == (3, 3, 3) and layer.padding == (1, 1, 1) for layer in convolutions[:-1])
    assert convolutions[-1].kernel_size == (1, 1, 1)
    transposed = [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose3d)]
    assert [(layer.in_channels, layer.out_channels) for layer in transposed] == [(256, 128), (128, 64), (64, 32)]
    assert all(layer.bias is None and layer.kernel_size == layer.stride == (1, 2, 2) for layer in transposed)
    assert all(layer.negative_slope == 0.2 for layer in network.modules() if isinstance(layer, nn.LeakyReLU))


@pytest.mark.parametrize("arguments", [{"width": 4}, {"width": 4, **BAYER}, {"width": 4, "depth": 2}])
def test_a_batch_is_its_clips_one_by_one(arguments: dict[str, Any]) -> None:
    network: Any = build("smoid", **arguments).eval()
    clips = torch.rand(2, 3, network.in_channels, 16, 24)
    with torch.no_grad():
        both = network(clips)
        one = torch.cat([network(clip[None]) for clip in clips])
    assert both.shape == (2, 3, 3, 16 * network.scale, 24 * network.scale)
    torch.testing.assert_close(both, one, atol=1e-6, rtol=0)


def test_a_clip_played_backwards_by_weights_played_backwards_is_the_result_played_backwards() -> None:
    network: Any = build("smoid", width=4).eval()
    clip = torch.rand(1, 5, 3, 16, 16)
    with torch.no_grad():
        expected = network(clip)
        assert not torch.allclose(network(clip.flip(1)).flip(1), expected, atol=1e-4)
        for layer in network.modules():
            if isinstance(layer, nn.Conv3d):
                layer.weight.copy_(layer.weight.flip(2))
        torch.testing.assert_close(network(clip.flip(1)).flip(1), expected, atol=1e-5, rtol=0)


def test_a_frame_depends_on_those_within_reach() -> None:
    network: Any = build("smoid", width=2).eval()
    assert network.reach == 14
    clip = torch.rand(1, 18, 3, 8, 8)
    other = clip.clone()
    other[:, 17] += 1
    with torch.no_grad():
        changed = (network(clip) - network(other)).abs().flatten(2).amax(dim=2)[0]
    assert (changed[:3] < 1e-7).all()
    assert (changed[12:] > 0).all()


def test_channels_of_the_raw_variant_are_places_first_then_colours() -> None:
    network: Any = build("smoid", width=2, **BAYER)
    maps = torch.arange(12.0).view(1, 1, 12, 1, 1).expand(1, 2, 12, 3, 4)
    enlarged = network._enlarged(maps)
    assert enlarged.shape == (1, 2, 3, 6, 8)
    assert enlarged[0, 1, :, :2, :2].flatten(1).T.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_sides_that_do_not_fit_and_counts_below_1_are_named() -> None:
    with pytest.raises(ValueError, match="multiples of 8 px, got 16 x 20"):
        build("smoid", width=2)(torch.rand(1, 2, 3, 16, 20))
    with pytest.raises(UserError, match="width 0"):
        build("smoid", width=0)


def test_a_gradient_reaches_every_weight_from_the_least_clip() -> None:
    network = build("smoid", width=2)
    never: set[str] | None = None
    for seed in range(4):
        torch.manual_seed(seed)
        network.zero_grad()
        network(torch.rand(2, 2, 3, 16, 16)).square().mean().backward()
        found = {
            f"{key} {place}"
            for key, layer in network.named_modules()
            if isinstance(layer, nn.Conv3d)
            for place in torch.argwhere(layer.weight.grad.abs().sum(dim=(0, 1)) == 0).tolist()
        }
        never = found if never is None else never & found
    assert not never


def test_initial_weights_are_those_of_the_authors_code() -> None:
    network: Any = build("smoid")
    first = network.encoder[2][2]
    assert first.weight.abs().max() <= (6 / (128 * 27 * 2)) ** 0.5 and first.bias.abs().max() == 0
    assert network.up[0].weight.std().item() == pytest.approx(0.02 * 0.88, rel=0.02)
    assert network.up[0].weight.abs().max() <= 0.04


def test_a_constant_clip_is_the_same_everywhere_but_for_the_places_of_a_coarse_pixel() -> None:
    network: Any = build("smoid", width=2, depth=2).eval()
    clip = torch.full((1, 23, 3, 64, 64), 0.5)
    with torch.no_grad():
        restored = network(clip)[0, 10:13, :, 28:36, 28:36]
    # a transposed convolution has weights for each place
    torch.testing.assert_close(restored, restored[:1, :, :4, :4].repeat(3, 1, 2, 2), atol=1e-6, rtol=0)
