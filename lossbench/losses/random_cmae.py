"""`random_cmae`: the encoder of `ccmae` with random weights, a control of what learning the loss is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lossbench.losses._features import FeatureLoss, drawn_network, encode

SOURCE = "a control of this project; the papers have none"
LOSS_NETWORKS: tuple[str, ...] = ()
ARCHITECTURE_OF = ("cnn_mae",)
"""The loss network in whose stored file only the architecture is looked up."""


def build(
    pixel: str = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
    precision: str = "exact",
) -> FeatureLoss:
    """Build `pixel` + `weight` * the same distance of the features of a `cnn_mae` drawn from `seed`.

    The architecture is given, or is that of a stored network `weights`.
    """
    network = drawn_network("random_cmae", ARCHITECTURE_OF[0], architecture, weights, seed)
    return FeatureLoss("random_cmae", network, encode, pixel=pixel, weight=weight, precision=precision)
