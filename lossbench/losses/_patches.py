"""Patch versions of the encoder losses: both images are reduced to the same random patches, redrawn at each call."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lossbench.errors import UserError, quoted
from lossbench.loss_networks import Autoencoder
from lossbench.losses._draws import uniform
from lossbench.losses._features import NetworkLoss, drawn_network, loss_network


class PatchFeatureLoss(NetworkLoss):
    """`pixel` distance of the images plus `weight` times the distance of the features of a random part of each.

    MAE paper, section 4.4: the fraction is not given there, `keep` 0.25 is what the encoder saw in pre-training.
    """

    def __init__(
        self, name: str, network: nn.Module, *, keep: float, generator: torch.Generator | None, **settings: Any
    ) -> None:
        """Keep the fraction `keep` of the patches; `generator` (CPU) draws them, torch's global one when None.

        `torch.compile` makes one graph of the loss only with the global one. `settings` go to NetworkLoss.
        """
        super().__init__(name, network, **settings)
        if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 < keep <= 1:
            raise UserError(
                f"loss '{name}': keep = {quoted(keep)} is not a fraction of the patches; choose 0 < keep <= 1"
            )
        self.keep, self.generator = keep, generator

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the distance of the features; each image of the batch has patches of its own."""
        network = cast(Autoencoder, self.network)
        cells = network.cells(*target.shape[-2:])
        mask = self.draw(len(target), cells).to(target.device)
        count = self.count(cells)
        [pair] = self.compared(lambda image: [network.encode_visible(image, mask, count)], prediction, target)
        return self.distance(*pair)

    def draw(self, number: int, cells: int) -> Tensor:
        """Draw which of the `cells` patches of each of `number` images are seen: (number, cells) bool."""
        noise = uniform(number, cells, self.generator)
        order = noise.argsort(dim=1, stable=True)
        return torch.zeros_like(noise, dtype=torch.bool).scatter_(1, order[:, : self.count(cells)], True)

    def count(self, cells: int) -> int:
        """Return how many of `cells` patches are seen."""
        # rounded down as in pre-training, but without a single patch there is nothing to compare
        return max(1, int(cells * self.keep))


def build_loss(
    name: str,
    kinds: tuple[str, ...],
    /,
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    keep: float = 0.25,
    generator: torch.Generator | None = None,
    precision: str = "exact",
    every: int = 1,
    *,
    drawn: bool,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
) -> PatchFeatureLoss:
    """Build `name`: `pixel` + `weight` * the same distance of the features of the fraction `keep` of the patches.

    With `pixel` None it is the feature term alone, by L1.
    Its loss network, one of `kinds`, is stored in `weights`, or `drawn` (see `drawn_network`). The feature term is in
    every `every`-th step alone, so many times as heavy there. Raises UserError for weights that are absent or of
    another kind and for a `keep` outside (0, 1].
    """
    if drawn:
        network = drawn_network(name, kinds[0], architecture, weights, seed)
    else:
        network = loss_network(name, kinds, weights)
    settings: dict[str, Any] = {"pixel": pixel, "weight": weight, "precision": precision, "every": every}
    return PatchFeatureLoss(name, network, keep=keep, generator=generator, **settings)
