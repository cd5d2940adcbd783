"""`perceptual`: sums of E (pixels), P (feature maps) and T (texture) on one VGG, standard or adversarially trained.

Uelwer et al., "Evaluating Robust Perceptual Losses for Image Reconstruction", after EnhanceNet (Sajjadi et al. 2017).
With the maps f_l of layer l of the VGG, of c channels, h rows and w columns, and k patches of 16 x 16 pixels:

    E = mean (x - y)^2
    P = sum_l w_l / (c h w) |f_l(x) - f_l(y)|^2                      (eq. 1)
    T = sum_l w_l / (k c^2) sum_patches |G(f_l(x)) - G(f_l(y))|_F^2  (eq. 2), G the Gram matrix of the maps

E alone needs no VGG: it is the loss `original` with the pixel distance `l2`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.loss_networks import Trunk
from lossbench.losses._features import NetworkTerms, loss_network
from lossbench.terms import l2

SOURCE = "robust-perceptual paper, eq. 1 and 2 and section 2"
REWARDS = "Pixels, feature maps and texture statistics of a VGG, as `terms` chooses: sharp texture before exact pixels."
LOSS_NETWORKS = ("vgg19", "vgg16")
CHOICES = {
    "terms": ("p", "t", "ep", "et", "pt", "ept"),
    "layers": ("literal", "enhancenet"),
    "patches": ("image", "map"),
}
"""What the arguments may be."""
PERCEPTUAL = {
    "literal": {"conv1_2": 0.2, "conv3_1": 0.02},
    "enhancenet": {"pool2": 0.2, "pool5": 0.02},
}
"""Layers and weights of P: the paper's words (second and fifth convolution), or EnhanceNet's own layers."""
TEXTURE = {"conv1_1": 3e-7, "conv2_1": 1e-6, "conv3_1": 1e-6}
"""Layers and weights of T (first, third and fifth convolution), the same in both papers.

They are meant for a VGG scaled to a mean activation of 1.
"""
PATCH = 16
"""Side of the texture patches in pixels."""
LETTERS = {"e": "pixel", "p": "perceptual", "t": "texture"}


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrices (N, C, C) of maps (N, C, H, W), not divided by the number of positions (eq. 2)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2)


def cut(image: Tensor, side: int) -> Tensor:
    """Cut (N, C, H, W) into non-overlapping patches (N * k, C, side, side); the rest at right and bottom is left out.

    An image or map smaller than one patch is one patch.
    """
    side_rows, side_columns = min(side, image.shape[-2]), min(side, image.shape[-1])
    patches = F.unfold(image, (side_rows, side_columns), stride=(side_rows, side_columns))
    return patches.transpose(1, 2).reshape(-1, image.shape[1], side_rows, side_columns)


class PerceptualSum(NetworkTerms):
    """A sum of E (mean squared error), P (eq. 1) and T (eq. 2), the last two on one frozen VGG."""

    def __init__(
        self,
        letters: str,
        network: nn.Module,
        perceptual: dict[str, float],
        texture: dict[str, float],
        patches: str,
        precision: str = "exact",
        every: int = 1,
    ) -> None:
        """Choose the terms by their `letters`; `patches` says where texture patches are cut: `image` or `map`.

        P and T are in every `every`-th step alone, so many times as heavy there.
        """
        super().__init__("perceptual", {LETTERS[letter]: 1.0 for letter in letters}, network, precision, every)
        self.perceptual = perceptual if "p" in letters else {}
        self.texture = texture if "t" in letters else {}
        self.cut_image = patches == "image"

    def pixel_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return E where it is chosen."""
        return {"pixel": l2(prediction, target)} if "pixel" in self.weights else {}

    def network_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return those of P and T that are chosen; the layers of a term are summed with their own weights."""
        found: dict[str, Tensor] = {}
        if self.perceptual:
            found["perceptual"] = self._distance(self.perceptual, lambda maps: maps, prediction, target)
        if self.texture and self.cut_image:
            patches = cut(prediction, PATCH), cut(target, PATCH)
            found["texture"] = self._distance(self.texture, gram, *patches)
        elif self.texture:
            found["texture"] = self._distance(self.texture, lambda maps: gram(cut(maps, PATCH)), prediction, target)
        return found

    def _distance(
        self,
        layers: dict[str, float],
        summary: Callable[[Tensor], Tensor],
        prediction: Tensor,
        target: Tensor,
    ) -> Tensor:
        """Return the weighted sum over layers of the mean squared difference of `summary` of their maps.

        For maps the mean over channels, rows and columns is eq. 1; for Gram matrices the mean over the c x c entries
        and the k patches is the squared Frobenius norm over k c^2 of eq. 2.
        """
        network = cast(Trunk, self.network)
        pairs = self.compared(lambda image: _maps(network, image, layers), prediction, target, summary)
        return torch.stack([weight * l2(*pair) for pair, weight in zip(pairs, layers.values(), strict=True)]).sum()


def _maps(network: Trunk, image: Tensor, layers: dict[str, float]) -> list[Tensor]:
    found = network.layers(image, layers)
    return [found[name] for name in layers]


def build(
    terms: str = "ep",
    weights: Path | str | None = None,
    layers: str = "literal",
    patches: str = "image",
    precision: str = "exact",
    every: int = 1,
) -> PerceptualSum:
    """Build the sum of `terms`, letters such as `ep`, on the VGG stored in `weights`.

    `layers` of P: `literal` (conv1_2, conv3_1) or `enhancenet` (pool2, pool5). `patches` of T: cut from the `image`
    (eq. 2) or from each `map` (as EnhanceNet). `precision` is a key of `PRECISIONS`. P and T are in every `every`-th
    step alone, so many times as heavy there. Raises UserError for what is none of these, for layers or patches that
    the terms do not use, and for weights that are absent or of another kind.
    """
    if terms == "e":
        raise UserError("loss 'perceptual': terms 'e' need no VGG; use the loss 'original' with pixel 'l2'")
    for setting, value in (("terms", terms), ("layers", layers), ("patches", patches)):
        if value not in CHOICES[setting]:
            raise UserError(f"loss 'perceptual': unknown {setting} '{value}'; {nearest(str(value), CHOICES[setting])}")
    for setting, value, usual, letter in (("layers", layers, "literal", "p"), ("patches", patches, "image", "t")):
        if value != usual and letter not in terms:
            raise UserError(f"loss 'perceptual': {setting} '{value}' has no effect on terms '{terms}'; leave it out")
    network = loss_network("perceptual", LOSS_NETWORKS, weights)
    return PerceptualSum(terms, network, PERCEPTUAL[layers], TEXTURE, patches, precision, every)
