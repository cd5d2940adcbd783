"""Run a restoration network on pictures of any size, whole or in overlapping tiles.

A network states what it needs by its attributes: both sides of its input must be multiples of `multiple` and at least
`minimum` pixels; its output is `scale` times as large as its input.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError
from lossbench.networks import Network


class Span(NamedTuple):
    """One tile along one axis of the input, in pixels: where it lies, and where it takes over from the one before."""

    start: int
    end: int
    fade_start: int
    fade_end: int


def restore(network: Network, low_quality: Tensor) -> Tensor:
    """Return the prediction (N, out_channels, scale * H, scale * W) for `low_quality` (N, C, H, W), any H and W >= 1.

    The picture is extended to the right and below, by reflection where it is large enough for that and else by
    repeating its last pixel; what belongs to the extension is cut off the result. Values are in [0, 1], the
    prediction is not clamped. Gradients and the training mode stay as the caller set them.
    """
    height, width = low_quality.shape[-2:]
    prediction = network(_extended(network, low_quality))
    return prediction[..., : height * network.scale, : width * network.scale]


@torch.no_grad()
def restore_tiled(network: Network, low_quality: Tensor, tile: int, overlap: int) -> Tensor:
    """Do as `restore` does, in square tiles of `tile` pixels of the input that share at least `overlap` pixels.

    Memory beyond that of the result is that of one row of tiles. One tile fades into the next over the middle half of
    what they share, so each pixel that counts lies at least overlap // 4 input pixels from an inner edge of its tile:
    the result is that of `restore` when the network sees no further than that. Networks with a global part (means
    over the picture, Fourier transforms) see each tile as a picture of its own, and the fade leaves no seam. `tile` is
    rounded up to what the network needs. `low_quality` may lie on another device than the network: tiles are moved,
    and the result has the device and dtype of `low_quality`. No gradients. Raises UserError when the tiles cannot
    advance.
    """
    scale = network.scale
    if overlap < 0:
        raise UserError(f"overlap: {overlap} px is negative; give 0 or more")
    tile = _size(network, tile)
    # tiles begin at multiples, so that strided layers fall on the same grid as in the whole picture
    step = (tile - overlap) // network.multiple * network.multiple
    if step < 1:
        raise UserError(
            f"tile: {tile} px with an overlap of {overlap} px cannot advance; raise it or lower the overlap"
        )
    height, width = low_quality.shape[-2:]
    extended = _extended(network, low_quality)
    device = next((parameter.device for parameter in network.parameters()), low_quality.device)
    sides = (scale * size for size in extended.shape[-2:])
    prediction = low_quality.new_empty(len(extended), network.out_channels, *sides)
    columns = _spans(extended.shape[-1], tile, step)
    for row in _spans(extended.shape[-2], tile, step):
        rows = extended[..., row.start : row.end, :]
        strip = prediction.new_empty(*prediction.shape[:2], rows.shape[-2] * scale, prediction.shape[-1])
        for column in columns:
            part = network(rows[..., column.start : column.end].to(device))
            _join(strip, part.to(strip), column, scale, axis=-1)
        _join(prediction, strip, row, scale, axis=-2)
    return prediction[..., : height * scale, : width * scale]


def _size(network: Network, size: int) -> int:
    """Return the least size that `network` takes and that is not below `size`, in pixels."""
    return -(-max(size, network.minimum) // network.multiple) * network.multiple


def _extended(network: Network, image: Tensor) -> Tensor:
    for axis in (-2, -1):
        size = image.shape[axis]
        extra = _size(network, size) - size
        if extra:
            # a reflection leaves the edge pixel out, so it can give size - 1 pixels at most
            mode = "reflect" if extra < size else "replicate"
            image = F.pad(image, (0, extra, 0, 0) if axis == -1 else (0, 0, 0, extra), mode=mode)
    return image


def _spans(size: int, tile: int, step: int) -> list[Span]:
    if size <= tile:
        return [Span(0, size, 0, 0)]
    # the last tile ends with the picture, hence shares more than the others
    starts = [*range(0, size - tile, step), size - tile]
    spans = [Span(0, tile, 0, 0)]
    for before, start in pairwise(starts):
        shared = before + tile - start
        spans.append(Span(start, start + tile, start + shared // 4, start + shared - shared // 4))
    return spans


def _join(result: Tensor, part: Tensor, span: Span, scale: int, axis: int) -> None:
    """Write `part`, the prediction of the tile `span`, over `result` along `axis`, fading in from what is there."""
    start, end, fade_start, fade_end = (edge * scale for edge in span)
    fading = fade_end - fade_start
    weight = (torch.arange(fading, dtype=result.dtype, device=result.device) + 0.5) / max(fading, 1)
    weight = weight if axis == -1 else weight[:, None]
    under = result.narrow(axis, fade_start, fading)
    under.lerp_(part.narrow(axis, fade_start - start, fading), weight)
    result.narrow(axis, fade_end, end - fade_end).copy_(part.narrow(axis, fade_end - start, end - fade_end))
