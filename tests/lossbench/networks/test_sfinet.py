"""SFINet against its published counts and cost, its guarded gradients, and the blocks it shares with INNformer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count, sfinet
from lossbench.networks._invertible import ChannelAttention, ConvolutionUnit, InvertibleBlock, Mixing
from lossbench.networks._padding import restore, restore_tiled


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small(**changes: Any) -> Any:
    return build("sfinet", **{"width": 4, "bands": 3, **changes})


def scene(side: int) -> Tensor:
    """(1, 4, side, side) in [0, 1]: smooth structures of several sizes, as photographs have them."""
    total = torch.zeros(1, 4, side, side)
    for cells, amplitude in ((3, 0.5), (6, 0.3), (12, 0.15), (24, 0.05)):
        total += amplitude * F.interpolate(torch.rand(1, 4, cells, cells), (side, side), mode="bicubic")
    return total.clamp(0, 1)


@pytest.mark.parametrize(("arguments", "count"), [({}, 85_270), ({"bands": 8}, 85_850), ({"width": 4}, 49_117)])
def test_sfinet_has_the_published_number_of_parameters(arguments: dict[str, int], count: int) -> None:
    # the last is what the released driver builds by mistake
    with torch.device("meta"):
        assert parameter_count(build("sfinet", **arguments)) == count


def test_each_part_of_sfinet_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("sfinet")
    assert [parameter_count(block) for block in network.blocks] == [16_496] * 5
    assert parameter_count(network.blocks[0].spatial[0].mixing) == 528
    assert parameter_count(network.refine) == 2_086
    assert sum(buffer.numel() for buffer in network.buffers()) == 1_360


def test_sfinet_costs_the_published_multiplications_at_128_pixels() -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build("sfinet")(torch.rand(1, 5, 128, 128))
    assert counter.get_total_flops() / 2e9 == pytest.approx(1.32, abs=0.005)


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 33), width=st.integers(1, 33), bands=st.sampled_from([1, 4, 8]))
def test_pictures_of_any_size_are_restored(height: int, width: int, bands: int) -> None:
    network = small(bands=bands)
    with torch.no_grad():
        output = restore(network, torch.rand(2, bands + 1, height, width))
    assert output.shape == (2, bands, height, width)
    assert output.isfinite().all()


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (15, 18)])
def test_a_constant_picture_has_finite_gradients_that_are_not_huge(value: float, height: int, width: int) -> None:
    network = small()
    image = torch.full((2, 4, height, width), value, requires_grad=True)
    network(image).square().mean().backward()
    for name, tensor in [*network.named_parameters(), ("image", image)]:
        assert tensor.grad is not None and tensor.grad.isfinite().all(), name
        assert tensor.grad.abs().max() < 100, name


def test_features_that_are_constant_everywhere_have_finite_gradients() -> None:
    network = small()
    for parameter in network.parameters():
        parameter.data.zero_()
    network(torch.zeros(1, 4, 8, 8)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


def test_contrast_is_the_population_standard_deviation_plus_the_mean() -> None:
    features = torch.tensor([[[1.0, 3.0], [1.0, 3.0]], [[2.0, 2.0], [2.0, 2.0]]])[None].requires_grad_()
    found = sfinet.contrast(features)
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0 + 2.0, 1e-4 + 2.0]))
    found.sum().backward()
    assert features.grad is not None
    torch.testing.assert_close(features.grad[0, 1], torch.full((2, 2), 0.25))


def test_amplitude_and_phase_of_a_wave_are_those_worked_out_by_hand() -> None:
    columns = torch.arange(16.0) * 2 * math.pi / 16
    wave = (0.5 + 0.25 * torch.cos(3 * columns - 1.1)).expand(1, 1, 12, 16)
    amplitude, phase = sfinet._polar(wave)
    expected = torch.zeros(12, 9)
    expected[0, 0], expected[0, 3] = 0.5 * 12 * 16, 0.25 * 12 * 16 / 2
    torch.testing.assert_close(amplitude[0, 0], expected, atol=1e-4, rtol=0)
    # where there is but rounding, there is no phase
    torch.testing.assert_close(phase[0, 0], torch.where(expected == 24, -1.1, 0.0), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 7), (1, 5)])
def test_the_amplitude_and_phase_of_one_map_alone_give_its_magnitude_back(height: int, width: int) -> None:
    branch = sfinet.Frequencies(4)
    for layer in branch.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            nn.init.dirac_(layer.weight)
            nn.init.zeros_(layer.bias)
    # the leaky units of the fusions must see what lies above zero only
    phase: Any = branch.phase
    phase[0].bias.data.fill_(math.pi)
    phase[2].bias.data.fill_(-math.pi)
    features = torch.randn(2, 4, height, width)
    torch.testing.assert_close(branch(features, torch.rand(2, 4, height, width)), features.abs(), atol=1e-5, rtol=0)


def test_under_bfloat16_the_frequencies_are_float32() -> None:
    network, image = small(), torch.rand(2, 4, 15, 18)
    seen: list[torch.dtype] = []
    for block in network.blocks:
        for part in (block.frequencies.amplitude, block.frequencies.phase):
            part.register_forward_hook(lambda _, inputs, output: seen.extend([inputs[0].dtype, output.dtype]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(image)
    assert seen == [torch.float32] * 20
    assert (found - network(image)).abs().max() < 0.03
    found.float().square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_channels_last_gives_the_same_picture() -> None:
    network, image = small(), torch.rand(2, 4, 21, 18)
    expected = network(image)
    found = network.to(memory_format=torch.channels_last)(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)


def test_tiles_differ_from_the_whole_no_more_at_their_seams_than_inside() -> None:
    network, image = small(), scene(192)
    network.refine[2].weight.data *= 0.1
    with torch.no_grad():
        whole = network(image)
    ratios = {}
    for overlap, seams in ((32, (80, 128)), (0, (96,))):
        difference = (restore_tiled(network, image, 96, overlap) - whole).abs().mean(dim=(0, 1))
        near = torch.zeros(192, dtype=torch.bool)
        for seam in seams:
            near[seam - 2 : seam + 2] = True
        at_seams = near[:, None] | near
        ratios[overlap] = float(difference[at_seams].mean() / difference[~at_seams].mean())
    assert ratios[32] < 1, ratios
    assert ratios[0] > 10


@pytest.mark.parametrize("channels", [4, 16])
def test_mixing_begins_as_a_rotation_and_tells_its_determinant(channels: int) -> None:
    mixing = Mixing(channels)
    assert parameter_count(mixing) == 2 * channels**2 + channels
    matrix = mixing.matrix()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(channels), atol=1e-5, rtol=0)
    for parameter in mixing.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    found = torch.linalg.slogdet(mixing.matrix()).logabsdet
    torch.testing.assert_close(found, mixing.log_diagonal.sum(), atol=1e-5, rtol=0)
    features = torch.rand(2, channels, 3, 5)
    expected = torch.einsum("oc,nchw->nohw", mixing.matrix(), features)
    torch.testing.assert_close(mixing(features), expected, atol=1e-5, rtol=0)


def test_the_unused_halves_of_the_triangles_have_no_effect() -> None:
    mixing = Mixing(6)
    before = mixing.matrix()
    mixing.lower.data += torch.ones(6, 6).triu()
    mixing.upper.data += torch.ones(6, 6).tril()
    assert torch.equal(mixing.matrix(), before)


@pytest.mark.parametrize("normalised", [False, True])
def test_an_invertible_block_can_be_inverted(normalised: bool) -> None:
    block = InvertibleBlock(4, lambda half: ConvolutionUnit(half, half, normalised)).double()
    features = torch.randn(2, 8, 9, 7, dtype=torch.float64)
    first, second = block(features).chunk(2, dim=1)
    log_scale = 0.8 * torch.tanh(block.scale_second(first) / 2)
    second = (second - block.shift_second(first)) * torch.exp(-log_scale)
    first = first - block.shift_first(second)
    inverse = torch.linalg.inv(block.mixing.matrix())
    found = torch.einsum("oc,nchw->nohw", inverse, torch.cat([first, second], dim=1))
    torch.testing.assert_close(found, features, atol=1e-8, rtol=0)
    assert log_scale.abs().max() > 0.01


def test_half_the_channels_of_a_unit_are_normalised() -> None:
    unit = ConvolutionUnit(3, 6, normalised=True)
    assert unit.norm is not None
    seen: list[Tensor] = []
    unit.second.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    features = torch.rand(1, 3, 9, 9)
    unit(features)
    plain = unit.first(features)
    normal = (plain - plain.mean((2, 3), True)) / (plain.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    expected = F.leaky_relu(torch.cat([normal[:, :3], plain[:, 3:]], dim=1), 0.1)
    torch.testing.assert_close(seen[0], expected, atol=1e-4, rtol=0)


def test_channel_attention_adds_a_constant_to_each_channel() -> None:
    features = torch.rand(2, 8, 6, 5)
    added = ChannelAttention(8)(features) - features
    constant = added.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(added, constant.expand_as(added), atol=1e-6, rtol=0)
    assert constant.abs().min() > 0


@pytest.mark.slow
def test_a_narrow_sfinet_learns_one_batch_by_heart() -> None:
    network = small()
    target = scene(48)[:, :3, ::2, ::2].repeat(2, 1, 1, 1)
    target[1] = 1 - target[0].flip(2)
    blurred = F.interpolate(F.avg_pool2d(target, 4), scale_factor=4, mode="bicubic")
    image = torch.cat([blurred, target.mean(dim=1, keepdim=True)], dim=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = F.mse_loss(network(image), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


@pytest.mark.parametrize(("arguments", "message"), [({"width": 3}, "width 3"), ({"bands": 0}, "bands 0")])
def test_sizes_that_sfinet_does_not_have_are_named(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("sfinet", **arguments)
