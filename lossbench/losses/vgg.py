"""`vgg`: one feature map of an ImageNet classifier (perceptual loss)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.losses._features import FeatureLoss, loss_network

SOURCE = "MAE paper, section 4.2, configuration 2; Johnson et al. 2016; layer conv5_4 as in Ledig et al. 2017"
REWARDS = (
    "A feature map of a classifier that agrees: content and texture before exact pixels, at the price of a fine grid."
)
LOSS_NETWORKS = ("vgg19", "vgg16")


def fits(kind: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a loss network of `kind` has the layer of `arguments`: blocks of VGG-16 end one earlier."""
    return kind == "vgg19" or not str(arguments.get("layer", "conv5_4")).endswith("_4")


def feature_map(network: nn.Module, image: Tensor, *, layer: str) -> Tensor:
    """Return the map of `layer` after its rectifier."""
    maps: dict[str, Tensor] = network.layers(image, (layer,))  # type: ignore[operator]
    return maps[layer]


def build(
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    layer: str = "conv5_4",
    precision: str = "exact",
    every: int = 1,
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the maps of `layer`; `weights` is a stored VGG loss network.

    With `pixel` None it is the feature term alone, by L1. That term is in every `every`-th step alone, so many times as
    heavy there. Raises UserError for an unknown layer, and for weights that are absent or of another kind.
    """
    network = loss_network("vgg", LOSS_NETWORKS, weights)
    # an unknown layer is named here, not at the first step of a training
    feature_map(network, torch.zeros(1, 3, 8, 8), layer=layer)
    features = partial(feature_map, layer=layer)
    return FeatureLoss("vgg", network, features, pixel=pixel, weight=weight, precision=precision, every=every)
