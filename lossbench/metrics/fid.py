"""Frechet inception distance of two sets of pictures, over the Inception of 2015-12-05 and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lossbench.metrics import _stored
from lossbench.metrics._frechet import frechet_distance
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

if TYPE_CHECKING:
    from lossbench.loss_networks import FeatureNetwork

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Heusel et al., 'GANs Trained by a Two Time-Scale Update Rule', NeurIPS 2017, equation 6, as pytorch-fid"
OVER: Over = "set"
FEATURES = 2048
"""Of a picture; a covariance of no more pictures lacks full rank."""
WEIGHTS = ("inception",)
WEIGHTS_FROM = "run: lossbench fetch weights fid, which names the file"


def score_set(predictions: Iterable[Pixels], targets: Iterable[Pixels], protocol: Protocol, *, weights: Path) -> float:
    """Return the FID of pictures (1 or 3, H, W) in [0, 1] of any sizes, 0 or above; both sets are read once.

    Every picture is resized to 299 x 299 in the way that the stored `inception` in `weights` names: pytorch-fid's
    unless it was built otherwise. FID falls with the number of pictures: 10,000 is the usual least, and numbers of
    fewer compare only with those of as many. Raises UserError as Protocol.apply, for another file, and for fewer than
    two pictures.
    """
    network = _stored.network(weights, "inception")
    extract = cast("FeatureNetwork", network).features
    ours = _stored.features(network, extract, predictions, protocol, "predictions")
    theirs = _stored.features(network, extract, targets, protocol, "targets")
    return frechet_distance(ours, theirs)
