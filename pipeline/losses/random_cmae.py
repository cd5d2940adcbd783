"""`random_cmae`: the encoder of `ccmae` with random weights, a control of what learning the loss is worth."""

from __future__ import annotations

from typing import Any

import torch

from pipeline.loss_networks import catalog
from pipeline.losses._features import FeatureLoss, encode

SOURCE = "a control of this project; the papers have none"
LOSS_NETWORKS: tuple[str, ...] = ()


def build(
    pixel: str = "l1",
    weight: float = 1.0,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
    precision: str = "exact",
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features of a `cnn_mae` drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        # the CPU's generator alone: torch.manual_seed would reseed every GPU too
        torch.default_generator.manual_seed(seed)
        network = catalog.build("cnn_mae", **(architecture or {}))
    return FeatureLoss("random_cmae", network, encode, pixel=pixel, weight=weight, precision=precision)
