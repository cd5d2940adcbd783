"""`p_ctmae`: `ctmae` on a random part of the patches, the same of both images; no others enter the encoder."""

from __future__ import annotations

from pathlib import Path

import torch

from lossbench.losses._features import loss_network
from lossbench.losses._patches import PatchFeatureLoss

SOURCE = "MAE paper, section 4.4 and table 7"
LOSS_NETWORKS = ("mae",)


def build(
    pixel: str = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    keep: float = 0.25,
    generator: torch.Generator | None = None,
    precision: str = "exact",
) -> PatchFeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features of the fraction `keep` of the patches."""
    network = loss_network("p_ctmae", LOSS_NETWORKS, weights)
    return PatchFeatureLoss(
        "p_ctmae", network, pixel=pixel, weight=weight, keep=keep, generator=generator, precision=precision
    )
