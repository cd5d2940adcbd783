"""`random_tmae`: the encoder of `ctmae` with random weights, a control of what learning the loss is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lossbench.losses._encoder import build_loss
from lossbench.losses._features import FeatureLoss, drawn_network

SOURCE = "a control of this project; the papers have none"
LOSS_NETWORKS: tuple[str, ...] = ()
ARCHITECTURE_OF = ("mae",)
"""The loss network in whose stored file only the architecture is looked up."""


def build(
    pixel: str = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
    token_order: str = "aligned",
    class_token: bool = False,
    layer: int | None = None,
    norm: bool = True,
    reduction: str = "mean",
    generator: torch.Generator | None = None,
    precision: str = "exact",
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features of a `mae` drawn from `seed`.

    The architecture is given, or is that of a stored network `weights`. All other settings are those of `ctmae`, so
    that the two differ in their weights alone.
    """
    network = drawn_network("random_tmae", ARCHITECTURE_OF[0], architecture, weights, seed)
    return build_loss(
        "random_tmae",
        network,
        pixel=pixel,
        weight=weight,
        token_order=token_order,
        class_token=class_token,
        layer=layer,
        norm=norm,
        reduction=reduction,
        generator=generator,
        precision=precision,
    )
