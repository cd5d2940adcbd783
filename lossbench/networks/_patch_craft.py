"""Lay the patches that a search has found side by side as frames: the input of PaCNet's spatial network.

Vaksman et al., ICCV 2021. A frame is made of 7 x 7 patches that touch; for each rank of neighbour there are 49 such
frames, one for each place at which the tiling can begin.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lossbench.networks._patch_search import HALF_WINDOW, Search, padded


def features(search: Search) -> int:
    """Return how many maps a neighbour has: RGB of each tiling, and how far each colour is from the first one's."""
    return 3 * search.craft**2 + 3


class Part(NamedTuple):
    """A rectangle of a frame, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, reach: int, height: int, width: int) -> "Part":
        """Return it with `reach` pixels more at each side, as far as the frame goes."""
        top, left = max(0, self.top - reach), max(0, self.left - reach)
        return Part(top, min(height, self.bottom + reach), left, min(width, self.right + reach))

    def within(self, other: "Part") -> tuple[slice, slice]:
        """Return where it lies in `other`."""
        rows = slice(self.top - other.top, self.bottom - other.top)
        return rows, slice(self.left - other.left, self.right - other.left)


def parts(height: int, width: int, reach: int, pixels: int) -> Iterator[Part]:
    """Divide a frame so that each part, with `reach` pixels more at each side, has `pixels` at most, or one pixel."""
    side = max(1, int(pixels**0.5) - 2 * reach)
    columns = width if width <= side + 2 * reach else -(-width // -(-width // side))
    rows = max(1, pixels // min(width, columns + 2 * reach) - 2 * reach)
    rows = height if height <= rows + 2 * reach else -(-height // -(-height // rows))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield Part(top, min(height, top + rows), left, min(width, left + columns))


@torch.no_grad()
def crafted(window: Tensor, numbers: Tensor, search: Search, part: Part) -> Tensor:
    """Return (neighbours, 150, rows, columns), what is made of the patches in the rectangle `part` of the middle frame.

    `window` is (7, 3, H, W), and `numbers` what `nearest` returns for it. Features are the RGB of the 49 tilings (of
    craft**2), first by the row and then by the column at which the first patch begins, 6 pixels (craft - 1) above and
    left of the frame and on; then, for each colour, the mean over the tilings of the squared difference to the frames
    of the first neighbour.
    """
    surroundings = padded(window, search)
    colours = surroundings.permute(1, 0, 2, 3).flatten(1)
    height, width = surroundings.shape[-2:]
    rows, centre_rows = _centres(part.top, part.bottom, search, window.device)
    columns, centre_columns = _centres(part.left, part.right, search, window.device)
    # (neighbours, 7, rows, 7, columns): of each pixel and tiling, the shift of the patch that covers it
    shifts = numbers[:, centre_rows[:, :, None, None], centre_columns]
    own = torch.full_like(shifts[:1], search.own)
    shifts = torch.cat((own, shifts)).permute(0, 1, 3, 2, 4).flatten(1, 2)
    frames, lines, across = (
        shifts.div(search.side**2, rounding_mode="floor"),
        shifts.div(search.side, rounding_mode="floor").remainder_(search.side),
        shifts.remainder(search.side),
    )
    # a shift counts from the least one, which lies in the padding
    places = (frames.add_(HALF_WINDOW - search.frames).mul_(height) + lines).mul_(width).add_(across)
    places += (rows[:, None] + search.reflected) * width + columns + search.reflected
    count = features(search)
    result = colours.new_empty(search.neighbours, count, len(rows), len(columns))
    tilings = result[:, : count - 3].unflatten(1, (-1, 3))
    for band, colour in enumerate(colours):
        tilings[:, :, band] = colour[places]
        distance = (tilings[:, :, band] - tilings[:1, :, band]).square_().mean(dim=1)
        result[:, count - 3 + band] = distance
    return result


def _centres(start: int, end: int, search: Search, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the places `start` to `end` along an axis, and (craft, places): where `numbers` has their patches."""
    places = torch.arange(start, end, dtype=torch.int32, device=device)
    tilings = torch.arange(search.craft, dtype=torch.int32, device=device)[:, None]
    within = (places + search.craft - 1 - tilings).remainder(search.craft)
    return places, places - within + 2 * search.margin
