"""`timm`: one layer of any network of the package timm (perceptual loss)."""

from pathlib import Path
from typing import cast

from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import FeatureNetwork, LayeredNetwork, described
from lossbench.losses._features import FeatureLoss, loss_network

SOURCE = "Johnson et al. 2016, with a network of the package timm"
REWARDS = "Features of one layer of a classifier of the package timm that agree: what it tells classes apart by."
LOSS_NETWORKS = ("timm",)


def features(network: FeatureNetwork, image: Tensor) -> Tensor:
    """Return the output of the layer at which the network was cut."""
    return network.features(image)


def build(
    model: str | None = None,
    layer: str | None = None,
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    precision: str = "exact",
    every: int = 1,
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the outputs of `layer` of the network stored in `weights`.

    With `pixel` None it is the feature term alone, by L1; it is in every `every`-th step alone, so many times as heavy
    there. `layer` may be any part of the network, and is the one that
    was stored with it when None. A `model`, with or without the tag of its weights, only says which one is meant:
    raises UserError when the file holds another.
    """
    network = loss_network("timm", LOSS_NETWORKS, weights)
    own = described(network).architecture
    stored = own["model"]
    if model not in (None, stored, stored.partition(".")[0]):
        raise UserError(f"{weights} holds the model '{stored}', but loss 'timm' is to use '{model}'; give its weights")
    try:
        cast(LayeredNetwork, network).cut(own["layer"] if layer is None else layer)
    except UserError as error:
        raise UserError(f"loss 'timm': {error}") from None
    return FeatureLoss("timm", network, features, pixel=pixel, weight=weight, precision=precision, every=every)
