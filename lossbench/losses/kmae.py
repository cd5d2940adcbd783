"""`kmae`: the encoder of a masked autoencoder with public weights, trained on other imagery than the task's."""

from __future__ import annotations

from pathlib import Path

import torch

from lossbench.losses._encoder import build_loss
from lossbench.losses._features import FeatureLoss, loss_network

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 3"
LOSS_NETWORKS = ("mae",)


def build(
    pixel: str = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    token_order: str = "aligned",
    class_token: bool = False,
    layer: int | None = None,
    norm: bool = True,
    reduction: str = "mean",
    generator: torch.Generator | None = None,
    precision: str = "exact",
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features; `weights` is a stored `mae` loss network.

    `token_order` (`aligned` or `shuffled`), `class_token`, `layer`, `norm` and `reduction` say what is compared how:
    see `_encoder.build_loss`. Zero at equality does not hold for `shuffled`. `precision` is a key of `PRECISIONS`.
    """
    return build_loss(
        "kmae",
        loss_network("kmae", LOSS_NETWORKS, weights),
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
