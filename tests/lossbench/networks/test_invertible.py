"""The blocks that INNformer and SFINet share."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.networks import parameter_count
from lossbench.networks._invertible import ChannelAttention, ConvolutionUnit, InvertibleBlock, Mixing


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
