"""`ms_ssim`: one minus the structural similarity at several scales."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError, quoted
from lossbench.losses._plain import PlainLoss
from lossbench.losses._ssim import SIDE, joined, parts

SOURCE = "Wang et al., Asilomar 2003, equation 7; as a loss, with l1 beside it, Zhao et al. 2017"
REWARDS = "Structure from fine to coarse scales; evenly wrong brightness hardly counts, so take a pixel term beside it."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, the finest first."""
LEAST = 1e-4
"""Similarity below which its power is continued by a straight line to zero, so that no gradient is infinite."""


def ms_ssim_distance(prediction: Tensor, target: Tensor, scales: int = len(EXPONENTS)) -> Tensor:
    """Return 1 - MS-SSIM of two tensors (..., C, H, W) in [0, 1], the mean over pictures and bands, a scalar >= 0.

    Contrast and structure of each scale, with luminance at the coarsest, to the power of its exponent; the exponents of
    the first `scales` are divided by their sum. Between two scales the mean of 2 x 2 pixels is taken, and an odd side
    is continued by its last row, as the metric `ms_ssim` does. A similarity below zero, which counts 0 there, adds what
    it lacks times its exponent, so that its gradient leads back.
    """
    ours, theirs = prediction.flatten(0, -4), target.flatten(0, -4)  # (N, C, H, W)
    distances = []
    for scale in range(scales):
        if scale:
            ours, theirs = halved(ours), halved(theirs)
        luminance, structure = parts(ours, theirs)
        windows = joined(luminance, structure) if scale == scales - 1 else structure
        distances.append(windows.mean((-2, -1)))
    distance = torch.stack(distances)  # (scales, N, C)
    exponents = distance.new_tensor(EXPONENTS[:scales])
    exponents = (exponents / exponents.sum())[:, None, None]
    logarithm = (exponents * torch.log1p(-distance.clamp(max=1 - LEAST))).sum(0)
    # exactly 1 but for similarities below LEAST
    chord = ((1 - distance) / LEAST).clamp(0, 1).prod(0)
    lacking = (exponents * (distance - 1).clamp(min=0)).sum(0)
    # 1 - chord * exp(logarithm), to all digits also where both pictures are near each other
    return (-torch.expm1(logarithm) + logarithm.exp() * (1 - chord) + lacking).mean()


def halved(image: Tensor) -> Tensor:
    """Return the means of 2 x 2 pixels of (N, C, H, W), an odd side continued by its last row."""
    height, width = image.shape[-2:]
    return F.avg_pool2d(F.pad(image, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def least_side(scales: int) -> int:
    """Return the pixels a side of which the window is left at the coarsest of `scales`: 161 of five."""
    return ((SIDE - 1) << (scales - 1)) + 1


def build(pixel: str | None = None, weight: float = 1.0, scales: int = len(EXPONENTS)) -> PlainLoss:
    """Build `weight` * (1 - MS-SSIM), on top of the distance `pixel` where one is given.

    `pixel="l1", weight=5.25` has the proportion of Zhao et al. 2017, 0.84 to 0.16. Five scales, as published, need 161
    pixels a side; fewer `scales` suit smaller crops (81, 41, 21 and 11 pixels), one is the loss `ssim`. Raises
    UserError for another number of scales, an unknown distance or a weight below 0.
    """
    if isinstance(scales, bool) or not isinstance(scales, int) or not 1 <= scales <= len(EXPONENTS):
        raise UserError(f"loss 'ms_ssim': scales = {quoted(scales)} is not a whole number from 1 to {len(EXPONENTS)}")
    why = f"its window of {SIDE} at the coarsest of {scales} scales"
    why += "" if scales == 1 else " (fewer need less: scales=3 takes 41)" if scales > 3 else " (fewer need less)"
    term = partial(ms_ssim_distance, scales=scales)
    return PlainLoss("ms_ssim", term, least_side(scales), why, pixel=pixel, weight=weight)
