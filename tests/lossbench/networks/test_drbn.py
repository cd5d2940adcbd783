"""DRBN against its published layer table, counts, cost and arithmetic, and its own loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import build, drbn, parameter_count
from lossbench.networks._padding import restore

LAYER = tuple[int, int, int, int]
"""Kernel, bands in, bands out, stride."""
SMALL: dict[str, Any] = {"width": 4, "recurrences": 2}


def dense_block(channels: int, growth: int) -> list[LAYER]:
    """List the convolutions of a residual dense block."""
    return [*[(3, channels + i * growth, growth, 1) for i in range(4)], (1, channels + 4 * growth, channels, 1)]


RECURRENCE: list[LAYER] = [
    (3, 6, 16, 1),
    (3, 16, 16, 1),
    *dense_block(16, 8),
    (3, 16, 16, 2),
    *dense_block(16, 8),
    (3, 16, 32, 2),
    *dense_block(32, 16) * 2,
    (4, 32, 16, 2),
    *dense_block(16, 8),
    (4, 16, 16, 2),
    *dense_block(16, 8),
    *[(3, 32, 16, 1), (3, 16, 3, 1)],
    *[(3, 16, 16, 1), (3, 16, 3, 1)] * 2,
]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def picture(height: int, width: int, number: int = 1) -> Tensor:
    """(number, 3, height, width) in [0, 1]."""
    steps = torch.arange(number * 3 * height * width, dtype=torch.float64)
    return (torch.sin(steps * 0.37) * 0.5 + 0.5).view(number, 3, height, width).float()


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


def strided(target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pictures at full, half and quarter size that make the own loss zero."""
    return target, target[:, :, ::2, ::2], target[:, :, ::4, ::4]


@pytest.mark.parametrize(("recurrences", "count"), [(1, 139_417), (4, 557_668)])
def test_drbn_has_the_published_number_of_parameters(recurrences: int, count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("drbn", recurrences=recurrences)) == count
        assert parameter_count(build("drbn")) == 557_668


def test_drbn_runs_the_published_layers_in_order() -> None:
    layers, _ = run_recorded(build("drbn"), picture(8, 12))
    assert len({id(layer) for layer in layers}) == 4 * len(RECURRENCE)
    for layer, (kernel, inputs, outputs, stride) in zip(layers, RECURRENCE * 4, strict=True):
        assert isinstance(layer, nn.ConvTranspose2d) == (kernel == 4)
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.kernel_size, layer.stride) == ((kernel, kernel), (stride, stride))
        assert layer.padding == ((0, 0) if kernel == 1 else (1, 1))
        assert layer.bias is not None
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def test_each_part_of_a_recurrence_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("drbn").get_submodule("recurrences.3")
    assert {name: [parameter_count(part) for part in network.get_submodule(name)] for name in ("down", "up")} == {
        "down": [2_320, 4_640],
        "up": [8_208, 4_112],
    }
    assert [parameter_count(network.shallow), parameter_count(network.deep)] == [880, 2_320]
    assert [parameter_count(head) for head in network.heads] == [2_755, 2_755, 5_059]
    blocks = [*network.encoder, *network.bottom, *network.decoder]
    assert [parameter_count(block) for block in blocks] == [8_880, 8_880, 35_424, 35_424, 8_880, 8_880]
    assert sum(parameter_count(block) for block in blocks) == 106_368


def test_drbn_costs_the_published_multiplications_at_256_pixels() -> None:
    layers, tensors = run_recorded(build("drbn"), picture(16, 16))
    total = 0
    for layer, (before, after) in zip(layers, tensors, strict=True):
        # a transposed convolution multiplies once for each value of its input
        sites = before if isinstance(layer, nn.ConvTranspose2d) else after
        total += sites.numel() * layer.weight[0].numel()
    # every layer costs in proportion to the area
    assert total * 16**2 / 1e9 == pytest.approx(9.38, abs=0.005)


def test_drbn_computes_what_the_released_network_computes() -> None:
    # golden values: a restatement of the released code, same weights by order of execution
    low_quality = picture(20, 12)
    network: Any = build("drbn", width=8, recurrences=3)
    for i, layer in enumerate(run_recorded(network, low_quality)[0]):
        steps = torch.arange(layer.weight.numel(), dtype=torch.float64)
        axis = 0 if isinstance(layer, nn.Conv2d) else 1
        weight = torch.sin(steps * 1.7 + i) * math.sqrt(0.5 / layer.weight.select(axis, 0).numel())
        layer.weight.data = weight.view_as(layer.weight).float()
        layer.bias.data = (torch.cos(torch.arange(layer.out_channels, dtype=torch.float64) + i) * 0.1).float()
    golden = [
        [0.007185, 0.035214, 0.044617, -0.052562, 0.054955, -0.081503],
        [-0.065338, 0.042198, -0.082698, -0.103735, -0.005544, -0.098852],
        [-0.058914, 0.041206, -0.001337, -0.09085, -0.084043, -0.093571],
    ]
    with torch.no_grad():
        stages = network.stages(low_quality)
    for output, values in zip(stages, golden, strict=True):
        found = [output.mean(), output.std(), *output[0, :, 0, 0], output[0, 1, -1, -1]]
        assert [float(value) for value in found] == pytest.approx(values, abs=2e-6)


def test_forward_is_the_first_of_three_stages() -> None:
    network: Any = build("drbn", **SMALL)
    low_quality = picture(12, 20, number=2)
    stages = network.stages(low_quality)
    assert [tuple(stage.shape) for stage in stages] == [(2, 3, 12, 20), (2, 3, 6, 10), (2, 3, 3, 5)]
    assert torch.equal(network(low_quality), stages[0])


def test_pictures_are_predicted_directly_and_not_clamped() -> None:
    network: Any = build("drbn", **SMALL)
    for parameter in network.parameters():
        parameter.data.zero_()
    # a network that computes nothing returns black; the heads' biases add up from coarse to fine
    assert not network(picture(8, 8)).any()
    for head, bias in zip(network.recurrences[-1].heads, (0.5, 0.75, 1.0), strict=True):
        head[1].bias.data.fill_(bias)
    assert [stage.mean().item() for stage in network.stages(picture(8, 8))] == [2.25, 1.75, 1.0]


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 45), width=st.integers(1, 45))
def test_padding_lets_drbn_take_any_size(height: int, width: int) -> None:
    low_quality = picture(height, width)
    with torch.no_grad():
        output = restore(build("drbn", **SMALL), low_quality)
    assert output.shape == low_quality.shape
    assert output.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(10, 8), (8, 7)])
def test_a_side_that_is_no_multiple_of_4_is_named(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"multiples of 4 px, got {height} x {width}"):
        build("drbn", **SMALL)(picture(height, width))


@pytest.mark.parametrize("distance", drbn.DISTANCES)
def test_the_own_loss_is_zero_at_equality_and_positive_else(distance: str) -> None:
    network: Any = build("drbn", stage_distance=distance, **SMALL)
    target = picture(44, 48)
    loss = network.own_loss(strided(target), target)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert float(loss) == 0
    for changed in range(3):
        stages = [stage.clone() for stage in strided(target)]
        stages[changed] += 0.01
        assert float(network.own_loss(tuple(stages), target)) > 1e-6


def test_the_own_loss_adds_ssim_at_every_second_and_every_fourth_pixel() -> None:
    from skimage import metrics

    of_skimage: Any = metrics.structural_similarity
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    target, stages = picture(44, 52), strided(picture(44, 52).flip(-1) * 0.8)
    expected = 0.0
    for stage, stride in zip(stages, (1, 2, 4), strict=True):
        images = stage[0].double().numpy(), target[0, :, ::stride, ::stride].double().numpy()
        expected += 1 - float(of_skimage(*images, channel_axis=0, **options))
    network: Any = build("drbn", stage_distance="ssim", **SMALL)
    assert float(network.own_loss(stages, target)) == pytest.approx(expected, abs=1e-5)


def test_the_l1_form_adds_the_three_mean_differences() -> None:
    network: Any = build("drbn", stage_distance="l1", **SMALL)
    target = picture(4, 8)
    stages = tuple(stage + error for stage, error in zip(strided(target), (0.1, -0.2, 0.4), strict=True))
    assert float(network.own_loss(stages, target)) == pytest.approx(0.7, rel=1e-6)


def test_a_patch_too_small_for_the_window_at_quarter_size_is_named() -> None:
    small, target = picture(40, 48), picture(44, 44)
    network: Any = build("drbn", stage_distance="ssim", **SMALL)
    with pytest.raises(
        UserError, match=r"patch: 40 x 48 px, but DRBN's own loss needs 44 x 44.*ssim_zero_padded or l1"
    ):
        network.own_loss(strided(small), small)
    assert float(network.own_loss(strided(target), target)) == 0
    for distance in ("ssim_zero_padded", "l1"):
        other: Any = build("drbn", stage_distance=distance, **SMALL)
        assert float(other.own_loss(strided(small), small)) == 0


@pytest.mark.parametrize("distance", drbn.DISTANCES)
def test_stages_of_other_sizes_are_not_broadcast(distance: str) -> None:
    network: Any = build("drbn", stage_distance=distance, **SMALL)
    full, half, quarter = strided(picture(48, 48))
    with pytest.raises(ValueError):
        network.own_loss((full, half[..., :1], quarter), full)
    with pytest.raises(ValueError):
        network.own_loss((full, half), full)


@pytest.mark.parametrize("distance", drbn.DISTANCES)
def test_bfloat16_and_channels_last_train_every_parameter(distance: str) -> None:
    network: Any = build("drbn", width=8, recurrences=2, stage_distance=distance)
    low_quality, target = picture(44, 48), picture(44, 48).flip(-1)
    expected = network(low_quality)
    assert torch.equal(network.eval()(low_quality), expected)
    network = network.train().to(memory_format=torch.channels_last)
    low_quality = low_quality.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(low_quality), expected, atol=1e-5, rtol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stages = network.stages(low_quality)
        loss = network.own_loss(stages, target)
    assert (stages[0] - expected).abs().max() < 0.03 * expected.abs().max()
    assert loss.dtype == torch.float32
    loss.backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("distance", "steps"), [("ssim", 60), ("ssim_zero_padded", 60), ("l1", 120)])
def test_a_narrow_drbn_learns_one_dark_picture_by_its_own_loss(distance: str, steps: int) -> None:
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    target = torch.stack([0.5 + 0.4 * torch.sin(0.2 * rows + 0.3 * columns + phase) for phase in range(3)])[None]
    network: Any = build("drbn", width=8, recurrences=2, stage_distance=distance)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses: list[float] = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = network.own_loss(network.stages(0.1 * target), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10
    # no channel has become the negative of the target
    assert (network(0.1 * target) - target).abs().mean() < 0.15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bands": 0}, "bands 0"),
        ({"width": 1}, "width 1"),
        ({"recurrences": 0}, "recurrences 0"),
        ({"stage_distance": "sim"}, "stage_distance: unknown 'sim'; did you mean 'ssim'"),
    ],
)
def test_arguments_that_drbn_does_not_have_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("drbn", **arguments)
