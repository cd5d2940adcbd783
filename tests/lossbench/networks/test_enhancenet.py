"""EnhanceNet against its published layer table and its enlargement."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from _networks import SMALL, descend, noise
from torch import Tensor, nn

from lossbench.networks import build
from lossbench.networks.enhancenet import enlarge


def silenced(network: Any) -> Any:
    """Let the network add nothing to the enlargement."""
    network.tail[-1].weight.data.zero_()
    return network


def test_enhancenet_runs_the_published_layers_in_order() -> None:
    network = build("enhancenet").eval()
    layers: list[tuple[nn.Conv2d, Tensor]] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, _, output: layers.append((layer, output)))
    with torch.no_grad():
        network(noise(5, 6))
    expected = [(3, 64, 1), *[(64, 64, 1)] * 20, (64, 64, 2), (64, 64, 4), (64, 64, 4), (64, 3, 4)]
    assert [(layer.in_channels, layer.out_channels, output.shape[-1] // 6) for layer, output in layers] == expected
    for layer, _ in layers:
        assert (layer.kernel_size, layer.stride, layer.padding) == ((3, 3), (1, 1), (1, 1))
        assert layer.padding_mode == "zeros" and layer.bias is not None
        assert layer.bias.abs().max() == 0
        # Xavier: uniform in +-sqrt(6 / (inputs + outputs)), each times the nine places of the kernel
        bound = (6 / (9 * (layer.in_channels + layer.out_channels))) ** 0.5
        assert 0.97 * bound < layer.weight.abs().max() <= bound


def test_the_layers_do_what_the_table_says() -> None:
    network: Any = build("enhancenet", **SMALL["enhancenet"])
    low_quality = noise(7, 9)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        features = F.relu(convolutions[0](low_quality - network.mean))
        for i in (1, 3):
            features = features + convolutions[i + 1](F.relu(convolutions[i](features)))
        for layer in convolutions[5:7]:
            features = F.relu(layer(features.repeat_interleave(2, -1).repeat_interleave(2, -2)))
        added = convolutions[8](F.relu(convolutions[7](features)))
        expected = added + F.interpolate(low_quality, scale_factor=4, mode="bicubic")
        torch.testing.assert_close(network(low_quality), expected, atol=1e-6, rtol=0)


def test_the_first_residual_scales_what_an_untrained_network_adds() -> None:
    low_quality = noise(7, 9)
    added = []
    for factor in (1.0, 0.1, 0.0):
        torch.manual_seed(0)
        network: Any = build("enhancenet", **SMALL["enhancenet"], first_residual=factor)
        with torch.no_grad():
            added.append(network(low_quality) - enlarge(low_quality, "half_pixel"))
    torch.testing.assert_close(added[1], 0.1 * added[0], atol=1e-6, rtol=0)
    assert added[0].abs().max() > 0.1 and added[2].abs().max() == 0


def test_the_means_are_the_published_ones_and_saved() -> None:
    network = build("enhancenet", **SMALL["enhancenet"])
    mean = network.state_dict()["mean"].flatten()
    assert mean.tolist() == pytest.approx([0.47614917, 0.45001204, 0.40904046], abs=1e-7)
    assert "mean" not in dict(network.named_parameters())
    # the mean colour is black to the convolutions, whose biases begin at zero
    flat = mean.view(1, 3, 1, 1).expand(1, 3, 6, 5)
    torch.testing.assert_close(network(flat), mean.view(1, 3, 1, 1).expand(1, 3, 24, 20), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("bicubic", "centre"), [("half_pixel", 4 * 3 + 1.5), ("legacy", 4 * 3)])
def test_the_half_pixel_enlargement_is_centred_and_the_legacy_one_is_not(bicubic: str, centre: float) -> None:
    low_quality = torch.zeros(1, 3, 7, 7)
    low_quality[..., 3, 3] = 1
    found = silenced(build("enhancenet", **SMALL["enhancenet"], bicubic=bicubic))(low_quality)[0, 0].detach().double()
    places = torch.arange(28.0, dtype=torch.float64)
    assert float((found.sum(0) * places).sum() / found.sum()) == pytest.approx(centre, abs=1e-5)
    assert float((found.sum(1) * places).sum() / found.sum()) == pytest.approx(centre, abs=1e-5)


def test_the_legacy_enlargement_has_the_weights_of_the_kernel() -> None:
    low_quality = torch.zeros(1, 3, 7, 7)
    low_quality[..., 3, 3] = 1
    row = silenced(build("enhancenet", **SMALL["enhancenet"], bicubic="legacy"))(low_quality)[0, 0, 12]
    # Keys' kernel of a = -0.75 at 0, 1/4, 1/2, 3/4, 1, 5/4, 3/2, 7/4 by hand
    half = [1.0, 0.87890625, 0.59375, 0.26171875, 0.0, -0.10546875, -0.09375, -0.03515625, 0.0]
    assert row[4:21].tolist() == pytest.approx(half[:0:-1] + half, abs=1e-6)
    assert row[:4].abs().max() == row[21:].abs().max() == 0


@pytest.mark.parametrize("bicubic", ["half_pixel", "legacy"])
def test_a_constant_stays_constant_up_to_the_border(bicubic: str) -> None:
    network = silenced(build("enhancenet", **SMALL["enhancenet"], bicubic=bicubic))
    torch.testing.assert_close(network(torch.full((1, 3, 3, 5), 0.3)), torch.full((1, 3, 12, 20), 0.3))


@pytest.mark.parametrize("bicubic", ["half_pixel", "legacy"])
def test_the_enlargement_keeps_all_its_bits_under_bfloat16(bicubic: str) -> None:
    network = silenced(build("enhancenet", **SMALL["enhancenet"], bicubic=bicubic))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(noise(20, 23))
    torch.testing.assert_close(found, network(noise(20, 23)), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_enhancenet_overfits_one_batch() -> None:
    network = build("enhancenet")
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    waves = [torch.sin(rows * a + columns * b + c) for a, b, c in ((0.9, 0.2, 0), (0.3, 1.1, 1), (0.7, 0.7, 2))]
    target = (torch.stack(waves).sign() * 0.3 + 0.5).unsqueeze(0)
    low_quality = F.interpolate(target, scale_factor=0.25, mode="bicubic", antialias=True, align_corners=False)
    errors = descend(network, lambda: F.mse_loss(network(low_quality), target), 300, 5e-4)
    assert errors[-1] < F.mse_loss(F.interpolate(low_quality, scale_factor=4, mode="bicubic"), target) / 10
    assert errors[-1] < errors[0] / 10
