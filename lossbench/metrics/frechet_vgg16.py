"""Frechet distance of two sets of pictures over VGG-16's last pool: what stands in for FID, under its own name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lossbench.metrics import _stored
from lossbench.metrics._frechet import frechet_distance
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from lossbench.loss_networks import Trunk

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "the distance of Heusel et al., NeurIPS 2017, equation 6, over VGG-16's features; never FID"
OVER: Over = "set"
FEATURES = 512
"""Of a picture; a covariance of no more pictures lacks full rank."""
WEIGHTS = ("vgg16",)
WEIGHTS_FROM = (
    "run: lossbench fetch weights vgg16, which names the file, or import the embedded trunk by lossbench import_weights"
)

LAYER = "pool5"
"""Behind the last block; its mean over all positions gives the features."""


def score_set(predictions: Iterable[Pixels], targets: Iterable[Pixels], protocol: Protocol, *, weights: Path) -> float:
    """Return the distance of pictures (1 or 3, H, W) in [0, 1] at their own sizes, 0 or above; both are read once.

    `weights` is a stored loss network `vgg16` of either layout; the caffe release's features are hundreds of times
    larger than torchvision's, so numbers of two files can't be compared, nor those of different numbers of pictures.
    Raises UserError as Protocol.apply, for another file, and for fewer than two pictures.
    """
    network = _stored.network(weights, "vgg16")
    trunk = cast("Trunk", network)

    def pooled(image: Tensor) -> Tensor:
        return trunk.layers(image, [LAYER])[LAYER].mean(dim=(2, 3))

    ours = _stored.features(network, pooled, predictions, protocol, "predictions")
    theirs = _stored.features(network, pooled, targets, protocol, "targets")
    return frechet_distance(ours, theirs)
