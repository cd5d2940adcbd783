"""Degradations of a picture that a loss should tell apart, brought to the same PSNR."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def psnr(version: Tensor, image: Tensor) -> float:
    """Return the PSNR in dB of `version` against `image` in [0, 1], over all values together; infinite when equal."""
    error = float((version - image).square().mean())
    return -10 * math.log10(error) if error else math.inf


def to_psnr(image: Tensor, version: Tensor, decibels: float) -> Tensor:
    """Scale what tells each crop of `version` (N, C, H, W) from `image` so that its PSNR is `decibels`.

    The result is not clamped. Crops that do not change keep no difference.
    """
    difference = version - image
    size = difference.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-8)
    return image + difference * (10 ** (-decibels / 20) / size)


def blurred(image: Tensor) -> Tensor:
    """Return the mean of 3 x 3 pixels around each."""
    return F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def noisy(image: Tensor) -> Tensor:
    """Return `image` plus normal noise of variance 1, the same at each call."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return image + noise.to(image.device)


def shifted(image: Tensor) -> Tensor:
    """Return `image` moved to the right by one pixel."""
    return F.pad(image, (1, 0, 0, 0), mode="replicate")[..., :-1]
