"""`fft`: the mean absolute difference of the two-dimensional Fourier transforms."""

from functools import partial

import torch
from torch import Tensor

from lossbench.errors import UserError, nearest, quoted
from lossbench.losses._plain import PlainLoss

SOURCE = "Cho et al., ICCV 2021 (MIMO-UNet), 0.1 of it beside l1: real and imaginary parts, transform not scaled"
REWARDS = "Every spatial frequency by the size of its error, so that weak high ones, which l2 drowns, count too."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""
CHOICES = {"norm": ("backward", "ortho")}
"""What the arguments may be."""


def spectral_l1(prediction: Tensor, target: Tensor, norm: str = "backward") -> Tensor:
    """Return the mean over pictures, bands and frequencies of |real| and |imaginary part| of the differing spectrum."""
    # of the difference: the transform is linear, and so the spectra themselves are never rounded
    spectrum = torch.view_as_real(torch.fft.fft2(prediction - target, norm=norm))
    return spectrum.abs().mean()


def build(pixel: str | None = None, weight: float = 1.0, norm: str = "backward") -> PlainLoss:
    """Build `weight` * the L1 of the spectra, on top of the distance `pixel` where one is given.

    `norm` `backward` is the source's, where the term grows with the side of a crop; `ortho` divides by the root of the
    number of pixels, so that a weight means the same for every size. `pixel="l1", weight=0.1` is the source's loss.
    Raises UserError for another norm, an unknown distance or a weight below 0.
    """
    if norm not in CHOICES["norm"]:
        raise UserError(f"loss 'fft': unknown norm {quoted(norm)}; {nearest(str(norm), CHOICES['norm'])}")
    return PlainLoss("fft", partial(spectral_l1, norm=norm), 1, "a pixel", pixel=pixel, weight=weight)
