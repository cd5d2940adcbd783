"""`random_tmae`: the encoder of `ctmae` with random weights, a control of what learning the loss is worth."""

from __future__ import annotations

from typing import Any

import torch

from pipeline.loss_networks import catalog
from pipeline.losses._encoder import build_loss
from pipeline.losses._features import FeatureLoss

SOURCE = "a control of this project; the papers have none"
LOSS_NETWORKS: tuple[str, ...] = ()


def build(
    pixel: str = "l1",
    weight: float = 1.0,
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

    All other settings are those of `ctmae`, so that the two differ in their weights alone.
    """
    with torch.random.fork_rng(devices=[]):
        # the CPU's generator alone: torch.manual_seed would reseed every GPU too
        torch.default_generator.manual_seed(seed)
        network = catalog.build("mae", **(architecture or {}))
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
