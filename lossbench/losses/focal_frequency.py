"""`focal_frequency`: squared differences of the Fourier transforms, those that are large counted the more."""

from functools import partial
from numbers import Real

import torch
from torch import Tensor

from lossbench.errors import UserError, quoted
from lossbench.losses._plain import PlainLoss

SOURCE = "Jiang et al., ICCV 2021, equations 5 to 8: orthonormal transform, weights of each picture and band to 1"
REWARDS = "The spatial frequencies that are furthest off: what a picture lacks most counts most, and what fits hardly."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""
MOST = 8
"""Largest alpha: above it float32 has no weights between those of the largest difference and zero."""


def focal_distance(prediction: Tensor, target: Tensor, alpha: float = 1.0) -> Tensor:
    """Return the mean over pictures, bands and frequencies of w |F|^2, F the differing spectrum.

    w is |F|^alpha over its largest value of the same picture and band, and has no gradient.
    """
    # of the difference: the transform is linear, and so the spectra themselves are never rounded
    power = torch.view_as_real(torch.fft.fft2(prediction - target, norm="ortho")).square().sum(dim=-1)
    with torch.no_grad():
        weight = power ** (alpha / 2)
        # where nothing differs all are zero
        weight /= weight.amax(dim=(-2, -1), keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny)
    return (weight * power).mean()


def build(pixel: str | None = None, weight: float = 1.0, alpha: float = 1.0) -> PlainLoss:
    """Build `weight` * the focal distance of the spectra, on top of the distance `pixel` where one is given.

    `alpha` is how much more large differences count; at 0 it is the squared error of the pixels. Raises UserError for
    an `alpha` that is none of 0 to 8, an unknown distance or a weight below 0.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= alpha <= MOST:
        raise UserError(f"loss 'focal_frequency': alpha {quoted(alpha)}: give 0 to {MOST}")
    term = partial(focal_distance, alpha=alpha)
    return PlainLoss("focal_frequency", term, 1, "a pixel", pixel=pixel, weight=weight)
