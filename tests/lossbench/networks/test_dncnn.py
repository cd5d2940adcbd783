"""DnCNN against its published layer table and initial weights."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from _networks import descend, waves
from torch import Tensor, nn

from lossbench.networks import build, parameter_count


def layers_of(network: Any, *kinds: type[nn.Module]) -> list[Any]:
    """List the layers of these kinds in order."""
    return [layer for layer in network.noise if isinstance(layer, kinds)]


def test_the_convolutions_alone_count_as_the_release_with_merged_normalisation() -> None:
    with torch.device("meta"):
        network = build("dncnn")
    assert sum(parameter_count(layer) for layer in layers_of(network, nn.Conv2d)) == 668_227
    assert sum(parameter_count(layer) for layer in layers_of(network, nn.BatchNorm2d)) == 18 * 2 * 64


@pytest.mark.parametrize(("bands", "depth"), [(3, 20), (1, 17), (3, 17)])
def test_dncnn_has_the_published_layers_in_order(bands: int, depth: int) -> None:
    with torch.device("meta"):
        network: Any = build("dncnn", bands=bands, depth=depth)
    kinds = [type(layer) for layer in network.noise]
    body = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * (depth - 2)
    assert kinds == [nn.Conv2d, nn.ReLU, *body, nn.Conv2d]
    sizes = [(bands, 64), *[(64, 64)] * (depth - 2), (64, bands)]
    for layer, (inputs, outputs) in zip(layers_of(network, nn.Conv2d), sizes, strict=True):
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.kernel_size, layer.stride, layer.padding) == ((3, 3), (1, 1), (1, 1))
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
        assert layer.bias is not None
    for layer in layers_of(network, nn.BatchNorm2d):
        assert (layer.eps, layer.momentum, layer.affine, layer.track_running_stats) == (1e-4, 0.9, True, True)


def test_without_biases_everywhere_the_first_convolution_alone_has_one() -> None:
    with torch.device("meta"):
        network = build("dncnn", depth=5, bias_everywhere=False)
    assert [layer.bias is not None for layer in layers_of(network, nn.Conv2d)] == [True, *[False] * 4]


def test_the_initial_weights_are_those_of_kair() -> None:
    network = build("dncnn")
    for layer in layers_of(network, nn.Conv2d):
        assert torch.equal(layer.bias, torch.zeros_like(layer.bias))
        rows = layer.weight.detach().flatten(1)
        # the first layer has more outputs than inputs: its columns are orthogonal
        gram = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
        torch.testing.assert_close(gram, 0.2**2 * torch.eye(len(gram)), atol=1e-6, rtol=0)
    scales = torch.stack([layer.weight.detach() for layer in layers_of(network, nn.BatchNorm2d)])
    assert 0.1 <= scales.min() < 0.11
    assert 0.99 < scales.max() <= 1
    assert scales.mean() == pytest.approx(0.55, abs=0.03)
    assert all(not layer.bias.any() for layer in layers_of(network, nn.BatchNorm2d))


@pytest.mark.parametrize("training", [True, False])
def test_a_last_layer_of_zeros_returns_the_input(training: bool) -> None:
    network: Any = build("dncnn", channels=8, depth=4).train(training)
    network.noise[-1].weight.data.zero_()
    noisy = waves(9, 7) * 3 - 1
    assert torch.equal(network(noisy), noisy)


def test_the_last_bias_is_taken_off_the_input() -> None:
    network: Any = build("dncnn", channels=8, depth=3)
    network.noise[-1].weight.data.zero_()
    network.noise[-1].bias.data = torch.tensor([0.5, -0.25, 0.0])
    noisy = waves(5, 6)
    assert torch.equal(network(noisy), noisy - torch.tensor([0.5, -0.25, 0.0]).view(1, 3, 1, 1))


def test_three_layers_compute_what_the_table_says() -> None:
    network: Any = build("dncnn", channels=4, depth=3).eval()
    first, middle, last = layers_of(network, nn.Conv2d)
    [norm] = layers_of(network, nn.BatchNorm2d)
    norm.running_mean = torch.tensor([0.01, -0.02, 0.0, 0.03])
    norm.running_var = torch.tensor([0.0, 1e-4, 0.01, 1.0])
    noisy = waves(6, 8)
    features = F.relu(F.conv2d(noisy, first.weight, first.bias, padding=1))
    features = F.conv2d(features, middle.weight, middle.bias, padding=1)
    mean, deviation = norm.running_mean.view(1, 4, 1, 1), (norm.running_var + 1e-4).sqrt().view(1, 4, 1, 1)
    features = F.relu((features - mean) / deviation * norm.weight.view(1, 4, 1, 1))
    expected = noisy - F.conv2d(features, last.weight, last.bias, padding=1)
    torch.testing.assert_close(network(noisy), expected, atol=1e-6, rtol=0)


def test_training_normalises_by_the_batch_and_evaluation_by_nine_tenths_of_the_last() -> None:
    network: Any = build("dncnn", channels=8, depth=3)
    [norm] = layers_of(network, nn.BatchNorm2d)
    seen: list[Tensor] = []
    norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    network(waves(8, 8, number=2))
    torch.testing.assert_close(norm.running_mean, 0.9 * seen[0].mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, 0.1 + 0.9 * seen[0].var((0, 2, 3)))
    before = norm.running_mean.clone()
    network.eval()(waves(8, 8))
    assert torch.equal(norm.running_mean, before)
    # in evaluation a picture does not depend on its companions
    pair = waves(8, 8, number=2)
    torch.testing.assert_close(network(pair)[:1], network(pair[:1]), atol=1e-6, rtol=0)


def test_the_momentum_can_be_lowered() -> None:
    network = build("dncnn", channels=4, depth=4, momentum=0.1)
    assert [layer.momentum for layer in layers_of(network, nn.BatchNorm2d)] == [0.1, 0.1]


@pytest.mark.slow
def test_a_narrow_dncnn_learns_one_noisy_batch() -> None:
    clean = waves(16, 16, number=2)
    noisy = clean + 0.1 * torch.randn(clean.shape)
    network = build("dncnn", channels=32, depth=6)
    losses = descend(network, lambda: F.l1_loss(network(noisy), clean), 500, 2e-3)
    # an untrained network leaves the noise in, of mean absolute value 0.08
    assert losses[0] > 0.07
    assert losses[-1] < losses[0] / 10
