"""Losses on the tokens of a loss network of videos."""

from __future__ import annotations

from torch import Tensor

from lossbench.loss_networks import Encoder
from lossbench.losses._features import encode


def features(network: Encoder, clip: Tensor) -> Tensor:
    """Return the tokens (N, L, D) of a clip (N, T, C, H, W) in [0, 1], T even: of all cubes, none masked.

    Raises ValueError for what is no clip, as an image.
    """
    if clip.ndim != 5:
        raise ValueError(f"shape {tuple(clip.shape)}: a loss of clips takes (N, T, C, H, W), T frames of each video")
    return encode(network, clip)
