"""A VGG's filters scaled so that each is active at 1 on average, after which losses of different VGGs compare."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks._vgg import VGG

DEAD = 1e-3
"""A filter whose mean activation is below this part of its layer's is dead: scaled by its own mean, what little it
shows would outweigh all other filters. Training against attacks leaves such ones."""


@torch.no_grad()
def normalise_filters(network: VGG, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """Scale weights and biases of `network`, in place, so that each filter's mean activation becomes 1.

    The mean m is that after the ReLU, over all positions of all `images`: batches (N, 3, H, W) in [0, 1], of any sizes,
    of which every position counts alike. Each convolution's input channels are multiplied by the previous layer's m,
    and its filters and biases divided by their own (Gatys et al., Image Style Transfer Using Convolutional Neural
    Networks, CVPR 2016, section 2; max pools commute with it). A dead filter has the mean m of its layer's others.

    Returns the m of every convolution by name, float64 on the CPU. A map afterwards is the map before, divided by m: a
    head on the last layer keeps its outputs when its weights are multiplied by m, in blocks of one channel's positions.
    Measure each network by itself, with clean images. Raises UserError when there is no image.
    """
    means = {name: _scale(mean) for name, mean in mean_activations(network, images).items()}
    before: Tensor | None = None
    for name, mean in means.items():
        layer = network.get_submodule(name)
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        scale = mean.to(weight.device)
        factor = 1 / scale.view(-1, 1, 1, 1)
        if before is not None:
            factor = factor * before.view(1, -1, 1, 1)
        # in float64, so that each number is rounded once
        weight.copy_(weight.double() * factor)
        bias.copy_(bias.double() / scale)
        before = scale
    return means


@torch.no_grad()
def mean_activations(network: VGG, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return the mean of every convolution's filters (C,) after the ReLU, float64 on the CPU, over all `images`.

    Raises UserError when there is no image.
    """
    names = [name for name in network.names if name.startswith("conv")]
    sums: dict[str, Tensor] = {}
    positions = dict.fromkeys(names, 0)
    for batch in images:
        for name, features in network.layers(batch, names).items():
            sums[name] = sums.get(name, 0) + features.double().sum(dim=(0, 2, 3)).cpu()
            positions[name] += features[:, 0].numel()
    if not all(positions.values()):
        raise UserError(f"images: none given; measure the activations of {network.title} on at least one")
    return {name: sums[name] / positions[name] for name in names}


def _scale(mean: Tensor) -> Tensor:
    live = mean > DEAD * mean.mean()
    return torch.where(live, mean, mean[live].mean() if live.any() else torch.ones_like(mean))
