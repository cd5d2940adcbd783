"""Losses on the tokens of a loss network of videos."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from lossbench.loss_networks import Encoder
from lossbench.losses._features import FeatureLoss, encode, loss_network


def features(network: Encoder, clip: Tensor) -> Tensor:
    """Return the tokens (N, L, D) of a clip (N, T, C, H, W); raises ValueError for what is no clip, as an image."""
    if clip.ndim != 5:
        raise ValueError(f"shape {tuple(clip.shape)}: a loss of clips takes (N, T, C, H, W), T frames of each video")
    return encode(network, clip)


def build_loss(
    name: str, kinds: tuple[str, ...], weights: Path | str | None, *, pixel: str, weight: float, precision: str
) -> FeatureLoss:
    """Build `name`: `pixel` + `weight` * the same distance of the features of a stored loss network of videos.

    Its prediction and target are clips (N, T, C, H, W) in [0, 1], T even (MAE paper, eq. 2; all cubes, none masked).
    """
    network = loss_network(name, kinds, weights)
    return FeatureLoss(name, network, features, pixel=pixel, weight=weight, precision=precision)
