"""Images checked and enlarged to a size that a loss network can take."""

import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError

LEAST = 8
"""Smallest height and width in pixels; below it a feature map says nothing about structure."""


def checked(image: Tensor, bands: int) -> Tensor:
    """Return `image` as it is; raises UserError unless its shape is (N, bands, H >= 8, W >= 8)."""
    if image.ndim != 4 or image.shape[1] != bands:
        takes = f"image: shape {tuple(image.shape)}, the loss network takes (N, {bands}, H, W)"
        raise UserError(f"{takes}; {_remedy(image, bands)}")
    if min(image.shape[-2:]) < LEAST:
        height, width = image.shape[-2:]
        raise UserError(f"image: {height} x {width} pixels; use crops of at least {LEAST} x {LEAST}")
    return image


def _remedy(image: Tensor, bands: int) -> str:
    if image.ndim != 4:
        return "give the frames of a clip as a batch: clip.flatten(0, 1)"
    if image.shape[1] == 1 and bands == 3:
        return "repeat the one band: image.expand(-1, 3, -1, -1)"
    return f"give weights of a loss network of {image.shape[1]} bands"


def grown(image: Tensor, height: int, width: int) -> Tensor:
    """Enlarge (N, C, H, W) at the right and bottom to at least `height` x `width`.

    Each axis continues by reflection without repeating the edge; an axis too short for that repeats its edge.
    """
    down, right = height - image.shape[-2], width - image.shape[-1]
    if right > 0:
        image = F.pad(image, (0, right, 0, 0), mode="reflect" if right < image.shape[-1] else "replicate")
    if down > 0:
        image = F.pad(image, (0, 0, 0, down), mode="reflect" if down < image.shape[-2] else "replicate")
    return image


def check_multiple(name: str, value: int, unit: str, divisor: int) -> None:
    """Raise UserError unless the argument `name` is a multiple of `divisor`, which is called `unit`."""
    if value % divisor:
        raise UserError(f"{name}: {value} is not a multiple of {unit} {divisor}; choose one that is")


def rounded(size: int, multiple: int) -> int:
    """Return the least multiple of `multiple` that is not below `size`."""
    return -(-size // multiple) * multiple


def padded(image: Tensor, multiple: int) -> Tensor:
    """Enlarge (N, C, H, W) so that both sides are multiples of `multiple`, as `grown` does."""
    return grown(image, rounded(image.shape[-2], multiple), rounded(image.shape[-1], multiple))
