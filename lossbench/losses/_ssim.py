"""One minus SSIM as a training loss: differentiable, and exact to float32 on every device.

Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", TIP 2004: Gaussian window of
11 x 11 pixels with a standard deviation of 1.5, population covariance, K1 = 0.01, K2 = 0.03, data range 1.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 11
"""Side of the window in pixels; a picture that is not padded needs as much."""
_RADIUS = SIDE // 2
_BELL = [math.exp(-((i - _RADIUS) ** 2) / (2 * 1.5**2)) for i in range(SIDE)]
_WEIGHTS = [value / sum(_BELL) for value in _BELL]
_C1, _C2 = 0.01**2, 0.03**2


def ssim_distance(prediction: Tensor, target: Tensor, zero_padded: bool = False) -> Tensor:
    """Return 1 - SSIM of two tensors (..., C, H, W) in [0, 1], the mean over pictures, channels and window positions.

    A scalar in [0, 2], in float32 whatever autocast does (float64 if an input has it), zero where both are equal.
    A window whose mean has the wrong sign, which no picture has but an untrained network, counts by its mean alone.
    Windows lie within the picture, as in scikit-image; with `zero_padded` they are centred on every pixel and what
    lies outside is black, as in the code that came with DRBN. Raises ValueError for shapes that differ, and for a
    side below 11 pixels unless `zero_padded`.
    """
    distance: Tensor = joined(*parts(prediction, target, zero_padded)).mean()
    return distance


def parts(prediction: Tensor, target: Tensor, zero_padded: bool = False) -> tuple[Tensor, Tensor]:
    """Return 1 - luminance and 1 - contrast and structure of every window of two tensors (..., C, H, W).

    Both are (..., C, h, w) in the type that `ssim_distance` states, the first in [0, 2), the second in [0, 2]. Raises
    ValueError as that.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"SSIM compares equal shapes, got {tuple(prediction.shape)} and {tuple(target.shape)}")
    height, width = target.shape[-2:]
    if not zero_padded and min(height, width) < SIDE:
        raise ValueError(f"SSIM needs {SIDE} x {SIDE} px or more, got {height} x {width}")
    dtype = torch.promote_types(torch.promote_types(prediction.dtype, target.dtype), torch.float32)
    prediction, target = prediction.to(dtype), target.to(dtype)
    difference = prediction - target
    maps = torch.stack((prediction, target, prediction.square() + target.square(), difference.square()))
    mean_p, mean_t, power, error = _blur(F.pad(maps, [_RADIUS] * 4) if zero_padded else maps)
    # 1 - SSIM = a + b - a b with both parts >= 0: no cancellation where prediction and target are near each other
    shift = (mean_p - mean_t).square()
    mean_power = mean_p.square() + mean_t.square()
    luminance = shift / (mean_power + _C1)
    # variances are not negative, but their rounding is
    structure = (error - shift).clamp(min=0) / ((power - mean_power).clamp(min=0) + _C2)
    return luminance, structure


def joined(luminance: Tensor, structure: Tensor) -> Tensor:
    """Return 1 - SSIM of every window from its `parts`, of the same shape."""
    # a mean below zero must not excuse an inverted structure: by the product of SSIM -x would be as good as x
    return luminance + structure * (1 - luminance).clamp(min=0)


def _blur(maps: Tensor) -> Tensor:
    for axis in (-2, -1):
        size = maps.shape[axis] - SIDE + 1
        # shifted sums, not a convolution: that would run in TF32 on GPUs, too coarse for a difference of squares
        total = maps.narrow(axis, 0, size) * _WEIGHTS[0]
        for i in range(1, SIDE):
            total = torch.add(total, maps.narrow(axis, i, size), alpha=_WEIGHTS[i])
        maps = total
    return maps
