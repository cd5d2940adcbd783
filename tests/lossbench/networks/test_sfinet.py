"""SFINet: its parts, its guarded gradients, and its frequencies worked out by hand."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from lossbench.networks import build, parameter_count, sfinet


def small(**changes: Any) -> Any:
    return build("sfinet", **{"width": 4, "bands": 3, **changes})


def test_each_part_of_sfinet_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("sfinet")
    assert [parameter_count(block) for block in network.blocks] == [16_496] * 5
    assert parameter_count(network.blocks[0].spatial[0].mixing) == 528
    assert parameter_count(network.refine) == 2_086
    assert sum(buffer.numel() for buffer in network.buffers()) == 1_360


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
        network(image)
    assert seen == [torch.float32] * 20
