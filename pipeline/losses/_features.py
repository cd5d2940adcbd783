"""Losses that compare features of a frozen loss network: pixel distance + weight * feature distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.loss_networks import catalog
from pipeline.losses._terms import WeightedTerms, distance


class Hidden(nn.Module):
    """Holds a frozen loss network that moves with the module between devices.

    It is neither a parameter of the module nor part of its state dict: it can't be trained, saved or wrapped by
    accident.
    """

    def hide(self, network: nn.Module) -> None:
        """Freeze `network` and keep it."""
        # a list keeps the network out of nn.Module's registers
        self._hidden = [network.eval().requires_grad_(False)]

    @property
    def network(self) -> nn.Module:
        """Return the frozen loss network."""
        return self._hidden[0]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Hidden:
        self.network._apply(fn, recurse)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


class FeatureLoss(Hidden, WeightedTerms):
    """`pixel` distance of the images plus `weight` times the same distance of their features (MAE paper, eq. 2)."""

    def __init__(
        self,
        name: str,
        network: nn.Module,
        features: Callable[[Any, Tensor], Tensor],
        *,
        pixel: str,
        weight: float,
    ) -> None:
        """Freeze `network`; `features(network, image)` gives what is compared."""
        super().__init__({"pixel": 1.0, name: weight})
        self.name = name
        self.distance = distance(pixel)
        self.features = features
        self.hide(network)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms `pixel` and the loss's own; the target's features are computed without a graph."""
        with torch.no_grad():
            target_features = self.features(self.network, target)
        prediction_features = self.features(self.network, prediction)
        return {
            "pixel": self.distance(prediction, target),
            self.name: self.distance(prediction_features, target_features),
        }


def loss_network(loss: str, kinds: tuple[str, ...], weights: Path | str | None) -> nn.Module:
    """Load the loss network of `loss` from `weights`; raises UserError when it is absent or of another kind."""
    if weights is None:
        raise UserError(f"loss '{loss}' needs weights=PATH of a {' or '.join(kinds)} loss network")
    network, _ = catalog.load(Path(weights))
    kind = str(network.loss_network)
    if kind not in kinds:
        raise UserError(f"{weights} holds the loss network '{kind}', but loss '{loss}' needs {' or '.join(kinds)}")
    return network


def encode(network: nn.Module, image: Tensor) -> Tensor:
    """Return the encoder's final features of the whole image: nothing masked, nothing shuffled, no class token."""
    features: Tensor = network.encode(image)  # type: ignore[operator]
    return features
