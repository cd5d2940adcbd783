"""MPRNet against its published parts and cost, a restatement of its flow, and its loss worked out by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from _networks import SMALL
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lossbench.networks import build, mprnet, parameter_count
from lossbench.plugins import constant


def small(**changes: Any) -> Any:
    return build("mprnet", **{**SMALL["mprnet"], **changes})


def published() -> Any:
    with torch.device("meta"):
        return build("mprnet")


def test_each_part_of_mprnet_has_the_size_that_the_layer_table_gives() -> None:
    network = published()
    # the published figures of the blocks each hold the one shared slope
    assert parameter_count(network.heads) + parameter_count(network.shallow) == 3 * (120_561 - 1)
    assert [parameter_count(encoder) for encoder in network.encoders] == [2_021_889 - 1, 2_129_409 - 1]
    assert [parameter_count(decoder) for decoder in network.decoders] == [2_443_393 - 1] * 2
    assert parameter_count(network.full_resolution) == 6_048_001 - 1
    assert [parameter_count(attention) for attention in network.attentions] == [6_880] * 2
    assert [parameter_count(fuse) for fuse in network.fuse] == [115_200, 161_280]
    assert parameter_count(network.tail) == 3_024


def test_mprnet_has_no_bias_and_one_slope_for_all() -> None:
    state = published().state_dict()
    assert not [name for name in state if name.endswith("bias")]
    assert [name for name, value in state.items() if value.dim() < 4] == ["slope"]
    torch.testing.assert_close(small().slope.data, torch.tensor([0.25]))


def test_mprnet_costs_the_published_multiplications_at_128_pixels() -> None:
    network = build("mprnet").eval()

    def cost(side: int) -> int:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, side, side))
        return int(counter.get_total_flops()) // 2

    # the weights of channel attention cost the same at any size, all else goes by the area
    by_area = (cost(16) - cost(8)) / (16**2 - 8**2)
    assert (cost(16) + by_area * (128**2 - 16**2)) / 1e9 == pytest.approx(143.2, abs=0.05)


def test_the_stages_are_those_of_the_published_flow() -> None:
    network = small()
    image = torch.rand(2, 3, 16, 24)
    slope = network.slope

    def shallow(stage: int, part: Tensor) -> Tensor:
        features: Tensor = network.shallow[stage](network.heads[stage](part), slope)
        return features

    def joined(first: tuple[Tensor, ...], second: tuple[Tensor, ...], dim: int) -> tuple[Tensor, ...]:
        return tuple(torch.cat(pair, dim) for pair in zip(first, second, strict=True))

    encoded_halves, images = [], []
    for half in (image[:, :, :8], image[:, :, 8:]):
        left, right = (network.encoders[0](shallow(0, quarter), slope) for quarter in (half[..., :12], half[..., 12:]))
        encoded = joined(left, right, 3)
        decoded = network.decoders[0](encoded, slope)
        features, first = network.attentions[0](decoded[0], half)
        images.append(first)
        features = network.fuse[0](torch.cat([shallow(1, half), features], 1))
        encoded_halves.append(network.encoders[1](features, slope, (encoded, decoded)))
    encoded = joined(encoded_halves[0], encoded_halves[1], 2)
    decoded = network.decoders[1](encoded, slope)
    features, second = network.attentions[1](decoded[0], image)
    features = network.fuse[1](torch.cat([shallow(2, image), features], 1))
    third = network.tail(network.full_resolution(features, slope, encoded, decoded)) + image
    for found, expected in zip(network.stages(image), (third, second, torch.cat(images, 2)), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_prediction_is_the_last_stage() -> None:
    network, image = small(), torch.rand(1, 3, 8, 16)
    stages = network.stages(image)
    assert len(stages) == 3
    assert len({stage.sum().item() for stage in stages}) == 3
    assert torch.equal(network(image), stages[0])


def test_an_attention_block_adds_the_weighted_residual() -> None:
    block = mprnet.AttentionBlock(4)
    for parameter in block.parameters():
        parameter.data.zero_()
    for layer in (block.first, block.second):
        nn.init.dirac_(layer.weight)
    features = torch.linspace(-1, 1, 4 * 5 * 6).view(1, 4, 5, 6)
    # the sigmoid of zero is a half, the slope below zero a quarter
    expected = torch.where(features > 0, 1.5, 1.125) * features
    torch.testing.assert_close(block(features, torch.tensor([0.25])), expected)


def test_sides_need_not_be_multiples_of_16() -> None:
    assert small()(torch.rand(1, 3, 8, 24)).shape == (1, 3, 8, 24)


def test_bfloat16_trains_every_parameter_and_stays_near_float32() -> None:
    network, image = small(), torch.rand(2, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stages = network.stages(image)
        loss = network.own_loss(stages, image.flip(3))
    for found, expected in zip(stages, network.stages(image), strict=True):
        assert (found - expected).abs().max() < 0.03
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, network.own_loss(tuple(stages), image.flip(3)))
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # the two inner channels of a narrow attention can both be cut off by their ReLU
        assert parameter.grad.abs().sum() > 0 or ".weigh." in name, name


def test_the_loss_is_zero_when_every_stage_is_the_target() -> None:
    target = torch.rand(2, 3, 9, 11).requires_grad_()
    loss = small().own_loss((target, target, target), target.detach())
    assert loss.item() == 0
    loss.backward()
    assert target.grad is not None
    assert target.grad.isfinite().all()


@pytest.mark.parametrize("edge_weight", [0.0, 0.05, 2.0])
def test_the_loss_of_a_constant_offset_is_that_worked_out_by_hand(edge_weight: float) -> None:
    offset, target = 0.2, torch.full((2, 3, 8, 8), 0.5)
    # of a constant the pyramid gives back this along each axis: not all of it near the borders
    returned = (1.5, 1.1, 1, 1, 1, 1, 0.9, 0.5)
    edges = [offset * (1 - row * column) for row in returned for column in returned]
    by_hand = math.hypot(offset, 1e-3) - 1e-3
    by_hand += edge_weight * sum(math.hypot(edge, 1e-3) - 1e-3 for edge in edges) / 64
    loss = small(edge_weight=edge_weight).own_loss((target + offset,) * 3, target)
    assert loss.item() == pytest.approx(3 * by_hand, rel=1e-5)


def test_the_loss_sums_the_stages_and_sees_them_clamped() -> None:
    network, target = small(edge_weight=0.0), torch.ones(1, 3, 8, 8)
    beyond = torch.full_like(target, 1.7).requires_grad_()
    below = (target - 0.3).requires_grad_()
    loss = network.own_loss((beyond, below), target)
    assert loss.item() == pytest.approx(math.hypot(0.3, 1e-3) - 1e-3, rel=1e-5)
    loss.backward()
    assert beyond.grad is not None and below.grad is not None
    assert beyond.grad.abs().max() == 0
    assert below.grad.abs().min() > 0


def test_the_edges_of_one_bright_pixel_are_those_worked_out_by_hand() -> None:
    image = torch.zeros(1, 2, 17, 17)
    image[0, 1, 8, 8] = 1
    # along one axis: blurred, every second pixel kept and doubled, blurred again
    kept = {6: 0.1, 8: 0.8, 10: 0.1}
    row = [sum(kept.get(i + k - 2, 0.0) * mprnet.GAUSSIAN[k] for k in range(5)) for i in range(17)]
    expected = image.clone()
    expected[0, 1] -= torch.tensor(row)[:, None] * torch.tensor(row)
    torch.testing.assert_close(mprnet.laplacian(image), expected)


def test_the_loss_says_what_it_is() -> None:
    assert "clamped to [0, 1]" in constant("networks", "mprnet", "OWN_LOSS")


@pytest.fixture
def descend() -> Callable[[nn.Module, Callable[[], Tensor], int], tuple[float, float]]:
    """Return a function that trains a network some steps and gives the loss before and after."""

    def run(network: nn.Module, loss: Callable[[], Tensor], steps: int) -> tuple[float, float]:
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        before = loss().item()
        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
            schedule.step()
        return before, loss().item()

    return run


@pytest.mark.slow
def test_a_narrow_mprnet_learns_one_batch_by_heart(
    descend: Callable[[nn.Module, Callable[[], Tensor], int], tuple[float, float]],
) -> None:
    network = small(blocks=2)
    rows = torch.arange(16.0)[:, None] * 0.3
    target = (0.5 + 0.3 * torch.sin(rows + torch.rand(2, 3, 1, 1) * 6) * torch.cos(rows.T)).clamp(0, 1)
    low_quality = target + 0.1 * torch.randn_like(target)
    before, after = descend(network, lambda: network.own_loss(network.stages(low_quality), target), 200)
    assert after < before / 10
