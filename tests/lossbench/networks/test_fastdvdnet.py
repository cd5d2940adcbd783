"""FastDVDnet against its published layer table, and what its two stages imply."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from _networks import descend
from _video_networks import SMALL, clip
from torch import Tensor, nn

from lossbench.networks import build, parameter_count
from lossbench.networks._orthogonal import orthogonalise, orthogonalised

PARTS = {
    "entry": 29_404,
    "to_half": 92_544,
    "to_quarter": 369_408,
    "from_quarter": 590_336,
    "from_half": 147_712,
    "exit": 10_144,
}
FULL: list[tuple[int, int, int, int]] = [
    (12, 90, 1, 3),
    (90, 32, 1, 1),
    (32, 64, 2, 1),
    (64, 64, 1, 1),
    (64, 64, 1, 1),
    (64, 128, 2, 1),
    *[(128, 128, 1, 1)] * 4,
    (128, 256, 1, 1),
    *[(64, 64, 1, 1)] * 2,
    (64, 128, 1, 1),
    (32, 32, 1, 1),
    (32, 3, 1, 1),
]
"""Inputs, outputs, stride and groups of the convolutions of one U-Net, in order."""
SIGMA = torch.tensor([0.1])


def small() -> Any:
    """Return a narrow network whose batch normalisation does something."""
    network: Any = build("fastdvdnet", **SMALL["fastdvdnet"]).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5)
    return network


def mirror(network: Any) -> None:
    """Make both U-Nets treat the first and the last of their frames alike."""
    for part in (network.triples, network.results):
        each, joined = part.entry[0], part.entry[3]
        with torch.no_grad():
            first, _, last = each.weight.chunk(3)
            last.copy_(first)
            for tensor in (part.entry[1].weight, part.entry[1].bias, part.entry[1].running_mean):
                tensor.chunk(3)[2].copy_(tensor.chunk(3)[0])
            part.entry[1].running_var.chunk(3)[2].copy_(part.entry[1].running_var.chunk(3)[0])
            joined.weight.chunk(3, dim=1)[2].copy_(joined.weight.chunk(3, dim=1)[0])


def test_each_part_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("fastdvdnet")
    for part in (network.triples, network.results):
        assert {name: parameter_count(each) for name, each in part.named_children()} == PARTS
    assert parameter_count(network.triples) == 1_239_548


def test_both_stages_have_the_published_layers_in_order() -> None:
    with torch.device("meta"):
        network: Any = build("fastdvdnet")
    for part in (network.triples, network.results):
        layers = [layer for layer in part.modules() if isinstance(layer, nn.Conv2d)]
        assert [(each.in_channels, each.out_channels, each.stride[0], each.groups) for each in layers] == FULL
        assert all(each.kernel_size == (3, 3) and each.padding == (1, 1) and each.bias is None for each in layers)
        kinds = [type(layer).__name__ for layer in part.modules() if not list(layer.children())]
        # all but the two before a pixel shuffle and the last are normalised and activated
        assert kinds.count("BatchNorm2d") == kinds.count("ReLU") == len(FULL) - 3
        assert kinds.count("PixelShuffle") == 2


def test_the_cost_of_a_pixel_is_as_counted() -> None:
    network = build("fastdvdnet").eval()
    costs: list[int] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, _, output: costs.append(layer.weight.numel() * output[0, 0].numel())
            )
    with torch.no_grad():
        network(clip(5, 8, 8), SIGMA)
    assert sum(costs) / 64 == pytest.approx(636_000, rel=0.002)


def test_initial_weights_are_kaiming_normal() -> None:
    torch.manual_seed(0)
    network: Any = build("fastdvdnet")
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 5000:
            inputs = layer.weight[0].numel()
            assert float(layer.weight.detach().std()) == pytest.approx((2 / inputs) ** 0.5, rel=0.05)


def test_an_untrained_network_leaves_the_frame_as_it_is_where_that_is_asked_for() -> None:
    frames = clip(5, 8, 12)
    first = {}
    for share in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        network: Any = build("fastdvdnet", **SMALL["fastdvdnet"], first_residual=share).eval()
        with torch.no_grad():
            first[share] = network.triples(*frames[:, :3].unbind(1), torch.zeros(1, 1, 8, 12)) - frames[:, 1]
            assert share or torch.equal(network(frames, SIGMA), frames[:, 2])
    torch.testing.assert_close(2 * first[0.5], first[1.0], atol=1e-5, rtol=1e-4)


def test_the_prediction_is_the_middle_frame_minus_what_the_last_stage_finds() -> None:
    network = small()
    frames = clip(5, 8, 12)
    for part in (network.triples, network.results):
        part.exit[-1].weight.data.zero_()
    with torch.no_grad():
        assert torch.equal(network(frames, SIGMA), frames[:, 2])


def test_the_first_stage_has_one_set_of_weights_for_its_three_triples() -> None:
    network = small()
    frames = clip(5, 8, 12)
    found: list[tuple[tuple[Tensor, ...], Tensor]] = []
    network.triples.register_forward_hook(lambda _, inputs, output: found.append((inputs, output)))
    network.results.register_forward_hook(lambda _, inputs, output: found.append((inputs, output)))
    with torch.no_grad():
        prediction = network(frames, SIGMA)
    *triples, (seen, last) = found
    assert torch.equal(last, prediction)
    for first, (inputs, output) in enumerate(triples):
        for place in range(3):
            assert torch.equal(inputs[place], frames[:, first + place])
        assert torch.equal(seen[first], output)
    # all are told the same noise level
    assert all(torch.equal(inputs[3], torch.full((1, 1, 8, 12), 0.1)) for inputs, _ in found)


def test_the_order_of_the_frames_matters() -> None:
    network = small()
    frames = clip(5, 16, 12)
    with torch.no_grad():
        expected = network(frames, SIGMA)
        for order in ((1, 0, 2, 3, 4), (4, 3, 2, 1, 0), (0, 1, 2, 4, 3)):
            assert (network(frames[:, list(order)], SIGMA) - expected).abs().max() > 1e-3


def test_a_clip_run_backwards_gives_the_same_where_both_neighbours_are_treated_alike() -> None:
    network = small()
    mirror(network)
    frames = clip(5, 16, 12)
    with torch.no_grad():
        expected = network(frames, SIGMA)
        torch.testing.assert_close(network(frames.flip(1), SIGMA), expected, atol=1e-5, rtol=1e-5)
        assert (network(frames[:, [1, 0, 2, 3, 4]], SIGMA) - expected).abs().max() > 1e-3


def test_every_frame_and_the_noise_level_are_looked_at() -> None:
    network = small()
    frames = clip(5, 16, 12).requires_grad_()
    sigma = SIGMA.clone().requires_grad_()
    network(frames, sigma).square().sum().backward()
    assert frames.grad is not None and sigma.grad is not None
    assert (frames.grad.abs().sum(dim=(0, 2, 3, 4)) > 0).all()
    assert sigma.grad.abs() > 0


def test_each_window_of_a_batch_has_its_own_noise_level() -> None:
    network = small()
    frames = clip(5, 8, 8).expand(2, -1, -1, -1, -1)
    with torch.no_grad():
        found = network(frames, torch.tensor([0.1, 0.2]))
        torch.testing.assert_close(found[:1], network(frames[:1], SIGMA), atol=1e-5, rtol=1e-5)
        assert (found[0] - found[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("shape", "sigma", "message"),
    [
        ((1, 3, 3, 8, 8), SIGMA, r"takes \(N, 5, 3, H, W\), got \(1, 3, 3, 8, 8\)"),
        ((1, 5, 1, 8, 8), SIGMA, r"takes \(N, 5, 3, H, W\), got \(1, 5, 1, 8, 8\)"),
        ((5, 3, 8, 8), SIGMA, r"takes \(N, 5, 3, H, W\), got \(5, 3, 8, 8\)"),
        ((1, 5, 3, 8, 10), SIGMA, "multiples of 4 px, got 8 x 10"),
        ((1, 5, 3, 8, 8), None, "told the noise level of each of 1 windows; sigma: None"),
        ((2, 5, 3, 8, 8), SIGMA, r"told the noise level of each of 2 windows; sigma: \(1,\)"),
    ],
)
def test_what_it_does_not_take_is_named(shape: tuple[int, ...], sigma: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build("fastdvdnet", **SMALL["fastdvdnet"])(torch.zeros(shape), sigma)


def test_filters_become_orthonormal_by_the_nearest_way() -> None:
    kernel = torch.randn(6, 4, 3, 3)
    found = orthogonalised(kernel)
    torch.testing.assert_close(found.flatten(1) @ found.flatten(1).T, torch.eye(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(orthogonalised(found), found, atol=1e-5, rtol=0)
    # of all orthonormal ones it is the nearest: that has the largest product with the kernel, the sum of its values
    largest = torch.linalg.svdvals(kernel.flatten(1)).sum()
    torch.testing.assert_close((found * kernel).sum(), largest, atol=1e-4, rtol=1e-4)
    wide = orthogonalised(torch.randn(20, 1, 3, 3, dtype=torch.float64)).flatten(1)
    torch.testing.assert_close(wide.T @ wide, torch.eye(9, dtype=torch.float64), atol=1e-6, rtol=0)


def test_all_kernels_of_a_network_are_made_orthogonal_and_nothing_else() -> None:
    network = small()
    others = {key: value.clone() for key, value in network.state_dict().items() if value.ndim != 4}
    orthogonalise(network)
    for key, value in network.state_dict().items():
        if value.ndim == 4:
            matrix = value.flatten(1)
            torch.testing.assert_close(torch.linalg.svdvals(matrix), torch.ones(min(matrix.shape)), atol=1e-4, rtol=0)
        else:
            assert torch.equal(value, others[key])
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.slow
def test_a_trained_network_denoises_and_leaves_a_constant_clip_without_noise_as_it_is() -> None:
    network: Any = build("fastdvdnet", **SMALL["fastdvdnet"], first_residual=0.1).train()
    generator = torch.Generator().manual_seed(0)

    def batch(sigma: Tensor) -> tuple[Tensor, Tensor]:
        coarse = torch.rand(len(sigma), 3, 3, 3, generator=generator)
        target = F.interpolate(coarse, size=(16, 16), mode="bicubic").clamp(0, 1)
        frames = target[:, None].expand(-1, 5, -1, -1, -1)
        return frames + torch.randn(frames.shape, generator=generator) * sigma.view(-1, 1, 1, 1, 1), target

    def loss() -> Tensor:
        sigma = torch.rand(4, generator=generator) * 0.2
        sigma[0] = 0
        frames, target = batch(sigma)
        error: Tensor = (network(frames, sigma) - target).square().mean()
        return error

    descend(network, loss, steps=200, learning_rate=5e-3)
    descend(network, loss, steps=100, learning_rate=5e-4)
    network.eval()
    with torch.no_grad():
        for level in (0.1, 0.2):
            sigma = torch.full((8,), level)
            frames, target = batch(sigma)
            noisy, found = (F.mse_loss(each, target) for each in (frames[:, 2], network(frames, sigma)))
            assert found < noisy, level
        constant = torch.full((1, 5, 3, 16, 16), 0.4)
        assert (network(constant, torch.zeros(1)) - 0.4).abs().max() < 0.06
