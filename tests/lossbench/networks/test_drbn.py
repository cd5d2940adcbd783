"""DRBN against its published layer table and arithmetic, and its own loss."""

from typing import Any

import pytest
import torch
from _networks import Layer, assert_layers, filled, run_recorded, summary, waves
from torch import Tensor

from lossbench.errors import UserError
from lossbench.networks import build, drbn, parameter_count

SMALL: dict[str, Any] = {"width": 4, "recurrences": 2}


def convolution(kernel: int, inputs: int, outputs: int, stride: int = 1) -> Layer:
    """Return the row of a table, which says no padding; an even kernel enlarges."""
    return Layer(kernel, inputs, outputs, stride, 0 if kernel == 1 else 1, transposed=kernel == 4)


def dense_block(channels: int, growth: int) -> list[Layer]:
    """List the convolutions of a residual dense block."""
    dense = [convolution(3, channels + i * growth, growth) for i in range(4)]
    return [*dense, convolution(1, channels + 4 * growth, channels)]


RECURRENCE = [
    convolution(3, 6, 16),
    convolution(3, 16, 16),
    *dense_block(16, 8),
    convolution(3, 16, 16, 2),
    *dense_block(16, 8),
    convolution(3, 16, 32, 2),
    *dense_block(32, 16) * 2,
    convolution(4, 32, 16, 2),
    *dense_block(16, 8),
    convolution(4, 16, 16, 2),
    *dense_block(16, 8),
    *[convolution(3, 32, 16), convolution(3, 16, 3)],
    *[convolution(3, 16, 16), convolution(3, 16, 3)] * 2,
]


def strided(target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pictures at full, half and quarter size that make the own loss zero."""
    return target, target[:, :, ::2, ::2], target[:, :, ::4, ::4]


def test_drbn_runs_the_published_layers_in_order() -> None:
    layers, _ = run_recorded(build("drbn"), waves(8, 12))
    assert len({id(layer) for layer in layers}) == 4 * len(RECURRENCE)
    assert_layers(layers, RECURRENCE * 4)


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


def test_drbn_computes_what_the_released_network_computes() -> None:
    # golden values: a restatement of the released code, same weights by order of execution
    low_quality = waves(20, 12)
    network = filled(build("drbn", width=8, recurrences=3), low_quality, gain=0.5)
    golden = [
        [0.007185, 0.035214, 0.044617, -0.052562, 0.054955, -0.081503],
        [-0.065338, 0.042198, -0.082698, -0.103735, -0.005544, -0.098852],
        [-0.058914, 0.041206, -0.001337, -0.09085, -0.084043, -0.093571],
    ]
    with torch.no_grad():
        stages = network.stages(low_quality)
    for output, values in zip(stages, golden, strict=True):
        assert summary(output) == pytest.approx(values, abs=2e-6)


def test_forward_is_the_first_of_three_stages() -> None:
    network: Any = build("drbn", **SMALL)
    low_quality = waves(12, 20, number=2)
    stages = network.stages(low_quality)
    assert [tuple(stage.shape) for stage in stages] == [(2, 3, 12, 20), (2, 3, 6, 10), (2, 3, 3, 5)]
    assert torch.equal(network(low_quality), stages[0])


def test_pictures_are_predicted_directly_and_not_clamped() -> None:
    network: Any = build("drbn", **SMALL)
    for parameter in network.parameters():
        parameter.data.zero_()
    # a network that computes nothing returns black; the heads' biases add up from coarse to fine
    assert not network(waves(8, 8)).any()
    for head, bias in zip(network.recurrences[-1].heads, (0.5, 0.75, 1.0), strict=True):
        head[1].bias.data.fill_(bias)
    assert [stage.mean().item() for stage in network.stages(waves(8, 8))] == [2.25, 1.75, 1.0]


@pytest.mark.parametrize("distance", drbn.DISTANCES)
def test_the_own_loss_is_zero_at_equality_and_positive_else(distance: str) -> None:
    network: Any = build("drbn", stage_distance=distance, **SMALL)
    target = waves(44, 48)
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
    target, stages = waves(44, 52), strided(waves(44, 52).flip(-1) * 0.8)
    expected = 0.0
    for stage, stride in zip(stages, (1, 2, 4), strict=True):
        images = stage[0].double().numpy(), target[0, :, ::stride, ::stride].double().numpy()
        expected += 1 - float(of_skimage(*images, channel_axis=0, **options))
    network: Any = build("drbn", stage_distance="ssim", **SMALL)
    assert float(network.own_loss(stages, target)) == pytest.approx(expected, abs=1e-5)


def test_the_l1_form_adds_the_three_mean_differences() -> None:
    network: Any = build("drbn", stage_distance="l1", **SMALL)
    target = waves(4, 8)
    stages = tuple(stage + error for stage, error in zip(strided(target), (0.1, -0.2, 0.4), strict=True))
    assert float(network.own_loss(stages, target)) == pytest.approx(0.7, rel=1e-6)


def test_a_patch_too_small_for_the_window_at_quarter_size_is_named() -> None:
    small, target = waves(40, 48), waves(44, 44)
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
    full, half, quarter = strided(waves(48, 48))
    with pytest.raises(ValueError):
        network.own_loss((full, half[..., :1], quarter), full)
    with pytest.raises(ValueError):
        network.own_loss((full, half), full)


@pytest.mark.parametrize("distance", drbn.DISTANCES)
def test_the_own_loss_of_bfloat16_stages_is_float32_and_trains_every_parameter(distance: str) -> None:
    network: Any = build("drbn", width=8, recurrences=2, stage_distance=distance)
    network = network.to(memory_format=torch.channels_last)
    low_quality, target = waves(44, 48), waves(44, 48).flip(-1)
    expected = network(low_quality)
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
