"""Restoration networks in a small size, what they are tried on, and their layers as they run."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALL: dict[str, dict[str, Any]] = {
    "dncnn": {"channels": 16, "depth": 5},
    "drbn": {"width": 8, "recurrences": 2},
    "edsr": {"scale": 2, "channels": 8, "blocks": 2},
    "enhancenet": {"channels": 8, "blocks": 2},
    "innformer": {"features": 4, "bands": 3},
    "mprnet": {"features": 8, "unet_step": 4, "orsnet_step": 4, "blocks": 1},
    "noise2noise": {"width": 6},
    "red30": {"channels": 8, "depth": 5},
    "rfdn": {"scale": 2, "channels": 8, "blocks": 2},
    "sfinet": {"width": 4, "bands": 3},
    "sid": {"width": 8},
    "vae": {"width": 4, "latent": 4},
}
WHOLE = {"vae"}
"""Networks of whole pictures of one size, which take no other."""


class Layer(NamedTuple):
    """One convolution, square and with a bias."""

    kernel: int
    inputs: int
    outputs: int
    stride: int
    padding: int
    transposed: bool = False


def waves(height: int, width: int, bands: int = 3, number: int = 1) -> Tensor:
    """Return (number, bands, height, width) in [0, 1], the same on every machine."""
    steps = torch.arange(number * bands * height * width, dtype=torch.float64)
    return (torch.sin(steps * 0.37) * 0.5 + 0.5).view(number, bands, height, width).float()


def noise(height: int, width: int, number: int = 1, bands: int = 3) -> Tensor:
    """Return (number, bands, height, width) of uniform noise in [0, 1]."""
    return torch.rand(number, bands, height, width, generator=torch.Generator().manual_seed(height * 1000 + width))


def scene(side: int, bands: int) -> Tensor:
    """Return (1, bands, side, side) in [0, 1]: smooth structures of several sizes, as photographs have them."""
    total = torch.zeros(1, bands, side, side)
    for cells, amplitude in ((3, 0.5), (6, 0.3), (12, 0.15), (24, 0.05)):
        total += amplitude * F.interpolate(torch.rand(1, bands, cells, cells), (side, side), mode="bicubic")
    return total.clamp(0, 1)


def run_recorded(network: nn.Module, low_quality: Tensor) -> tuple[list[Any], list[Tensor]]:
    """Return the convolutions in the order in which they run, and their outputs."""
    layers: list[nn.Module] = []
    outputs: list[Tensor] = []

    def record(layer: nn.Module, _: object, output: Tensor) -> None:
        layers.append(layer)
        outputs.append(output)

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    hooks = [layer.register_forward_hook(record) for layer in network.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        network(low_quality)
    for hook in hooks:
        hook.remove()
    return layers, outputs


def assert_layers(found: Sequence[Any], expected: Sequence[Layer]) -> None:
    """Hold convolutions to a published table, in order."""
    for layer, (kernel, inputs, outputs, stride, padding, transposed) in zip(found, expected, strict=True):
        assert isinstance(layer, nn.ConvTranspose2d) == transposed
        assert (layer.in_channels, layer.out_channels) == (inputs, outputs)
        assert (layer.kernel_size, layer.stride) == ((kernel, kernel), (stride, stride))
        assert layer.padding == (padding, padding)
        assert layer.bias is not None
        assert (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def filled(network: nn.Module, low_quality: Tensor, gain: float = 2.0) -> Any:
    """Give each convolution weights that depend on its place in the order of execution only."""
    for i, layer in enumerate(run_recorded(network, low_quality)[0]):
        steps = torch.arange(layer.weight.numel(), dtype=torch.float64)
        inputs = layer.weight.select(0 if isinstance(layer, nn.Conv2d) else 1, 0).numel()
        layer.weight.data = (torch.sin(steps * 1.7 + i) * math.sqrt(gain / inputs)).view_as(layer.weight).float()
        layer.bias.data = (torch.cos(torch.arange(layer.out_channels, dtype=torch.float64) + i) * 0.1).float()
    return network


def summary(output: Tensor) -> list[float]:
    """Return mean, deviation, the first pixel of each band and the last one of the second."""
    return [float(value) for value in (output.mean(), output.std(), *output[0, :, 0, 0], output[0, 1, -1, -1])]


def descend(
    network: nn.Module, loss: Callable[[], Tensor], steps: int, learning_rate: float, enough: float = 0
) -> list[float]:
    """Train with Adam and return the loss of every step, until it is below `enough` of the first or all are done."""
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        error = loss()
        error.backward()
        optimizer.step()
        losses.append(error.item())
        if losses[-1] < enough * losses[0]:
            break
    return losses
