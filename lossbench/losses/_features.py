"""Losses that compare features of a frozen loss network: pixel distance + weight * feature distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.files import given_path
from lossbench.loss_networks import Encoder
from lossbench.losses._difference import Difference
from lossbench.losses._every import checked_every
from lossbench.losses._inputs import InputError
from lossbench.precision import checked_precision
from lossbench.terms import WeightedTerms, distance

SEEDS = 2**63
"""Seeds that a generator of torch tells apart."""
PRODUCTS = (nn.Linear, nn.Conv2d, nn.Conv3d)
"""Layers whose weights are kept in bfloat16 unless the precision is exact; casting them at each call would cost."""


class Hidden(nn.Module):
    """Holds a frozen loss network that moves with the module between devices.

    It is neither a parameter of the module nor part of its state dict: it can't be trained, saved or wrapped by
    accident.
    """

    precision = "exact"

    def hide(self, network: nn.Module, precision: str = "exact") -> None:
        """Freeze `network` and keep it, for the arithmetic `precision`; raises UserError for an unknown one."""
        self.precision = checked_precision("loss", precision)
        network.eval().requires_grad_(False)
        for layer in network.modules():
            if self.precision != "exact" and isinstance(layer, PRODUCTS):
                layer.to(torch.bfloat16)
        # a list keeps the network out of nn.Module's registers
        self._hidden = [network]

    @property
    def network(self) -> nn.Module:
        """Return the frozen loss network."""
        return self._hidden[0]

    def compared(
        self,
        features: Callable[[Any], list[Any]],
        prediction: Tensor,
        target: Tensor,
        summary: Callable[[Any], Any] = lambda each: each,
    ) -> list[tuple[Tensor, Tensor]]:
        """Return for each of `features`(image) the `summary` of the prediction's and of the target's, to be subtracted.

        Both are float32, those of the target without a graph. In the mode `difference` the first is what the prediction
        differs by and the second zero: the features themselves are never rounded into what is compared.
        """
        if self.precision == "difference":
            found = [summary(each) for each in features(Difference(target, prediction - target))]
            return [(each.change, torch.zeros_like(each.change)) for each in found]
        with torch.autocast(target.device.type, torch.bfloat16, enabled=self.precision == "fast"):
            with torch.no_grad():
                theirs = features(target)
            ours = features(prediction)
        pairs = zip(ours, theirs, strict=True)
        return [(summary(_single(mine)), summary(_single(other))) for mine, other in pairs]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Hidden:
        self.network._apply(partial(_moved, fn), recurse)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _moved(fn: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """Return `tensor` where and as `fn` lays it out, its type and its values as they are.

    So the network keeps its arithmetic when what holds the loss is cast (`half`), and its weights when that is emptied.
    """
    moved = fn(tensor)
    if moved is tensor or tensor.is_meta:
        return moved.to(tensor.dtype)
    return torch.empty_like(moved, dtype=tensor.dtype).copy_(tensor)


def _single(features: Tensor) -> Tensor:
    return features.float() if features.dtype is torch.bfloat16 else features


class NetworkTerms(Hidden, WeightedTerms):
    """A term of the pixels in every step, and terms of a frozen network in every `every`-th, so many times as heavy."""

    def __init__(
        self, loss: str, weights: Mapping[str, float], network: nn.Module, precision: str = "exact", every: int = 1
    ) -> None:
        """Freeze `network` of the loss called `loss`; raises UserError for an unknown `precision` and a bad `every`."""
        k = checked_every(f"loss '{loss}'", every)
        super().__init__(dict(weights), {name: k for name in weights if name != "pixel"})
        self.hide(network, precision)

    def pixel_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the term `pixel` of float32 inputs where there is one."""
        raise NotImplementedError

    def network_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms of float32 inputs that the network gives; `target` carries no graph."""
        raise NotImplementedError

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return all terms."""
        return {**self.pixel_terms(prediction, target), **self.network_terms(prediction, target)}

    def due_terms(self, prediction: Tensor, target: Tensor, step: int | None) -> dict[str, Tensor]:
        """Return the terms of `step`: in most the network is not run."""
        due = all(self.is_due(name, step) for name in self.every)
        return self.raw_terms(prediction, target) if due else self.pixel_terms(prediction, target)


class NetworkLoss(NetworkTerms):
    """`pixel` distance of the images plus `weight` times the term `name`, which a frozen network gives."""

    def __init__(
        self,
        name: str,
        network: nn.Module,
        *,
        pixel: str | None,
        weight: float,
        precision: str = "exact",
        every: int = 1,
    ) -> None:
        """Freeze `network`, for the arithmetic `precision`; with `pixel` None its term is the only one, by L1.

        It is in every `every`-th step alone, so many times as heavy there.
        """
        weights = {**({} if pixel is None else {"pixel": 1.0}), name: weight}
        super().__init__(name, weights, network, precision, every)
        self.name = name
        self.distance = distance("l1" if pixel is None else pixel)

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the term `name` of float32 inputs; `target` carries no graph."""
        raise NotImplementedError

    def pixel_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the term `pixel`, where there is one."""
        return {"pixel": self.distance(prediction, target)} if "pixel" in self.weights else {}

    def network_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the loss's own term."""
        return {self.name: self.own_term(prediction, target)}


class FeatureLoss(NetworkLoss):
    """`pixel` distance of the images plus `weight` times the same distance of their features (MAE paper, eq. 2)."""

    def __init__(
        self,
        name: str,
        network: nn.Module,
        features: Callable[[Any, Any], Any],
        reduction: str = "mean",
        **settings: Any,
    ) -> None:
        """Take what `features(network, image)` gives to be compared; `settings` go to NetworkLoss.

        `reduction` is `mean` over all numbers of the features, or `sum` over those of an image and mean over images.
        """
        super().__init__(name, network, **settings)
        self.features, self.reduction = features, reduction

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the distance of the features; the target's are computed without a graph."""
        [pair] = self.compared(lambda image: [self.features(self.network, image)], prediction, target)
        return self.distance(*pair) * (pair[0][0].numel() if self.reduction == "sum" else 1)


def build_loss(
    name: str,
    kinds: tuple[str, ...],
    features: Callable[[Any, Any], Any],
    /,
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    precision: str = "exact",
    every: int = 1,
    *,
    drawn: bool,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
) -> FeatureLoss:
    """Build `name`: `pixel` + `weight` * the same distance of the `features` of a loss network of `kinds`.

    With `pixel` None it is the feature term alone, by L1.
    The network is the one stored in `weights`, or `drawn` (see `drawn_network`); `precision` is a key of `PRECISIONS`;
    the feature term is in every `every`-th step alone, so many times as heavy there.
    Raises UserError for weights that are absent or of another kind.
    """
    if drawn:
        network = drawn_network(name, kinds[0], architecture, weights, seed)
    else:
        network = loss_network(name, kinds, weights)
    return FeatureLoss(name, network, features, pixel=pixel, weight=weight, precision=precision, every=every)


def loss_network(loss: str, kinds: tuple[str, ...], weights: Path | str | None) -> nn.Module:
    """Load the loss network of `loss` from `weights`; raises UserError when it is absent or of another kind."""
    if weights is None:
        raise UserError(f"loss '{loss}' needs weights=PATH of a {' or '.join(kinds)} loss network")
    file = given_path(weights, f"loss '{loss}': weights")
    network, _ = loss_networks.load(file)
    kind = loss_networks.described(network).name
    if kind not in kinds:
        raise UserError(f"{weights} holds the loss network '{kind}', but loss '{loss}' needs {' or '.join(kinds)}")
    # what `repr` of the loss says
    network.__dict__["file"] = str(file)
    return network


def drawn_network(
    loss: str, kind: str, architecture: dict[str, Any] | None, weights: Path | str | None, seed: int
) -> nn.Module:
    """Return the loss network `kind` with weights drawn from `seed`.

    Its architecture is `architecture`, or that of the stored network `weights`, of which nothing else is used. Raises
    UserError when both are given, when `weights` is of another kind, and for a seed that no generator takes.
    """
    if isinstance(seed, Integral) and not 0 <= seed < SEEDS:
        raise UserError(f"loss '{loss}': seed = {seed} is not in 0 to {SEEDS - 1}; give another")
    if weights is not None:
        if architecture is not None:
            raise UserError(f"loss '{loss}': give architecture or weights, whose architecture is taken, not both")
        architecture = loss_networks.described(loss_network(loss, (kind,), weights)).architecture
    with torch.random.fork_rng(devices=[]):
        # the CPU's generator alone: torch.manual_seed would reseed every GPU too
        torch.default_generator.manual_seed(int(seed) if isinstance(seed, Integral) else seed)
        return loss_networks.build(kind, **(architecture or {}))


def encode(network: Encoder, image: Tensor) -> Tensor:
    """Return the encoder's final features of the whole image: nothing masked, nothing shuffled, no class token."""
    return network.encode(image)


def encode_clip(network: Encoder, clip: Tensor) -> Tensor:
    """Return the tokens (N, L, D) of a clip (N, T, C, H, W) in [0, 1], T even: of all cubes, none masked.

    Raises InputError for what is no clip, as an image.
    """
    if clip.ndim != 5:
        raise InputError(f"shape {tuple(clip.shape)}: a loss of clips takes (N, T, C, H, W), T frames of each video")
    return network.encode(clip)
