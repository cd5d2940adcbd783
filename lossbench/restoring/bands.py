"""Pictures whose bands are others than a network takes: grey for RGB and RGB for grey are brought to it, and said."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.networks import Sized

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in BT.601, whose sum is 1."""


@dataclass(frozen=True)
class Fit:
    """How a picture is brought to a network, and what that makes of it to a picture."""

    before: Callable[[Tensor], Tensor] = lambda image: image
    """From (1, bands, h, w) to what the network takes."""
    after: Callable[[Tensor], Tensor] = lambda prediction: prediction
    """From what it gives to (1, bands, H, W)."""
    bands: int = 0
    """Of the result."""
    word: str = ""
    """What is said of it; nothing where the bands fit."""


def fit(network: Sized, bands: int, clip: bool = False) -> Fit:
    """Return how a picture of so many bands, or a frame of a `clip`, is restored; raises UserError where it can't be.

    Grey is restored as RGB of three equal bands, and its result is the luma of BT.601; the bands of RGB are restored
    one by one, each as a grey picture.
    """
    inputs, outputs = network.in_channels, network.out_channels
    if bands == inputs:
        return Fit(bands=outputs)
    if (bands, inputs, outputs) == (1, 3, 3):
        word = "grey: restored as RGB of equal bands, and written as grey"
        return Fit(lambda image: image.repeat_interleave(3, dim=1), _luma, 1, word)
    if (bands, inputs, outputs) == (3, 1, 1) and not clip:
        turned: Callable[[Tensor], Tensor] = lambda image: image.transpose(0, 1)  # noqa: E731
        return Fit(turned, turned, 3, "RGB, for a network of grey pictures: each band is restored by itself")
    remedy = "convert it to grey" if inputs == 1 else f"give a file of {inputs} bands"
    raise UserError(f"{bands} band{'s' * (bands > 1)}, the network takes {inputs}; {remedy}, or take another network")


def _luma(prediction: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, device=prediction.device, dtype=prediction.dtype).view(1, 3, 1, 1)
    return (prediction * weights).sum(dim=1, keepdim=True)
