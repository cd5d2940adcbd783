"""`laplacian`: the mean absolute difference of each level of the Laplacian pyramids."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError, quoted
from lossbench.losses._plain import PlainLoss

SOURCE = "Bojanowski et al., ICML 2018 (GLO), Lap1, of the pyramid of Burt and Adelson 1983; mirrored beyond the rim"
REWARDS = "Details of every size alike: a level of few, large structures weighs as much as one of many, fine ones."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""
KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""Burt and Adelson's with a = 3/8, the binomial one."""
REACH = len(KERNEL) // 2
LEAST = REACH + 1
"""Pixels a side of the smallest picture that is blurred: a mirror needs one more than it reaches."""
MOST = 8
"""Levels; a picture of that many has hundreds of pixels a side."""


def pyramid(pictures: Tensor, levels: int) -> list[Tensor]:
    """Return `levels` bands of `pictures` (N, 1, H, W), the finest first, and what is left: levels + 1 tensors."""
    found = []
    for _ in range(levels):
        smaller = _halved(pictures)
        found.append(pictures - _enlarged(smaller, pictures))
        pictures = smaller
    return [*found, pictures]


def laplacian_l1(prediction: Tensor, target: Tensor, levels: int = 3) -> Tensor:
    """Return the sum over the levels of the pyramids of the mean absolute difference.

    A mean weighs level j by 4^j against a sum over its pixels, as the source does.
    """
    # of the difference: the pyramid is linear
    change = (prediction - target).reshape(-1, 1, *target.shape[-2:])
    return torch.stack([level.abs().mean() for level in pyramid(change, levels)]).sum()


def build(pixel: str | None = None, weight: float = 1.0, levels: int = 3) -> PlainLoss:
    """Build `weight` * the L1 of the pyramids, on top of the distance `pixel` where one is given.

    `levels` halves the size that often; a picture has 2^levels + 1 pixels a side at least. Raises UserError for a
    number of levels that is none of 1 to 8, an unknown distance or a weight below 0.
    """
    if not (isinstance(levels, int) and 1 <= levels <= MOST):
        raise UserError(f"loss 'laplacian': levels {quoted(levels)}: give 1 to {MOST}")
    # halved levels - 1 times and rounded up, LEAST are left
    least = (LEAST - 1) * 2 ** (levels - 1) + 1
    term = partial(laplacian_l1, levels=levels)
    return PlainLoss("laplacian", term, least, f"{LEAST} of its level {levels}", pixel=pixel, weight=weight)


def _halved(pictures: Tensor) -> Tensor:
    """Return every other pixel of `pictures`, blurred; both axes at once, since of one band that is the faster way."""
    mirrored = F.pad(pictures, (REACH, REACH, REACH, REACH), mode="reflect")
    return F.conv2d(mirrored, _kernel(pictures), stride=2)


def _enlarged(smaller: Tensor, like: Tensor) -> Tensor:
    """Return `smaller` between zeros, blurred, at the size of `like`; the kernel's sum makes up for the zeros.

    Zeros are not blurred but stepped over: beyond the rim stands what a mirror of both would have there.
    """
    height, width = like.shape[-2:]
    seen = F.pad(smaller, (1, 0, 1, 0), mode="reflect")
    for axis, side in ((-2, height), (-1, width)):
        # the mirror stands at a zero where a side is even, and shows the last pixel again
        seen = torch.cat([seen, seen.narrow(axis, seen.shape[axis] - 1 - side % 2, 1)], axis)
    rim = 2 * REACH
    return F.conv_transpose2d(seen, 4 * _kernel(like), stride=2)[..., rim : rim + height, rim : rim + width]


def _kernel(like: Tensor) -> Tensor:
    kernel = like.new_tensor(KERNEL)
    return (kernel[:, None] * kernel)[None, None]
