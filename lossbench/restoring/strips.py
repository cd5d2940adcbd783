"""A prediction from top to bottom, in strips of rows: what is done is not held, however large a picture is."""

from collections.abc import Iterator
from itertools import zip_longest

import torch
from torch import Tensor

from lossbench.networks import Network
from lossbench.networks._padding import Span, _extended, _join, _size, _spans, restore, restore_tiled


def strips(network: Network, low_quality: Tensor, tile: int | None, overlap: int) -> Iterator[Tensor]:
    """Give the rows of what `restore_tiled` returns, (N, out_channels, rows, scale * W) each; its errors too.

    Without a `tile` the one strip is what `restore` returns. No gradients.
    """
    if tile is None:
        device = next((parameter.device for parameter in network.parameters()), low_quality.device)
        with torch.no_grad():
            yield restore(network, low_quality.to(device)).to(low_quality)
        return
    scale, tile = network.scale, _size(network, tile)
    height, width = low_quality.shape[-2:]
    extended = _extended(network, low_quality)
    # a tile that can't advance is refused with the first strip
    step = max((tile - overlap) // network.multiple * network.multiple, 1)
    spans = _spans(extended.shape[-2], tile, step)
    begun, done = low_quality.new_empty(0), 0
    for span, after in zip_longest(spans, spans[1:]):
        strip = restore_tiled(network, extended[..., span.start : span.end, :], tile, overlap)
        rows = strip.new_empty(*strip.shape[:2], (span.end - done) * scale, strip.shape[-1])
        if begun.ndim == 4:
            rows[..., : begun.shape[-2], :] = begun
        _join(rows, strip, Span(*(edge - done for edge in span)), scale, axis=-2)
        # from there on the next strip fades in
        until = after.fade_start if after else span.end
        yield rows[..., : max(min(until, height) - done, 0) * scale, : width * scale]
        begun, done = rows[..., (until - done) * scale :, :].clone(), until


def count(network: Network, height: int, width: int, tile: int | None, overlap: int) -> int:
    """Return how many tiles `strips` runs the network on."""
    if tile is None:
        return 1
    tile = _size(network, tile)
    step = max((tile - overlap) // network.multiple * network.multiple, 1)
    rows, columns = (len(_spans(_size(network, side), tile, step)) for side in (height, width))
    return rows * columns
