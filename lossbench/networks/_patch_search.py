"""Find, for each pixel of a frame, the most similar patches of its surroundings in space and time.

The search of patch-craft denoising: Vaksman et al., "Patch Craft: Video Denoising by Deep Modeling and Patch Matching",
ICCV 2021, with the paddings of the authors' code.
"""

from math import prod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError

WINDOW = 7
"""Frames that a search is given, the middle one being the one whose patches are looked for."""
HALF_WINDOW = WINDOW // 2
PATCH = 15
"""Side of the patches that are compared, in pixels."""
OUTSIDE = -1.0
"""What stands further out, and in frames before the first and after the last: nothing resembles it."""
NUMBER_BITS = 16
"""Low bits of a distance that make way for the candidate's number: 37 of 53 stay, a share of 1e-11."""
ROWS = 48
"""Rows of patches at once, if memory allows: each needs those of the PATCH - 1 below."""
BYTES = 8 * 7
"""Of memory that one candidate of one pixel takes at once: doubles of its difference and its sums, and keys."""


class Search(NamedTuple):
    """How far a patch is searched for, how many are kept, and what frames are made of."""

    radius: int
    """Largest shift in pixels, along each axis."""
    frames: int
    """Largest shift in frames, each way, up to 3."""
    neighbours: int
    """Patches, the pixel's own first among them."""
    craft: int = 7
    """Side of the patches that frames are made of, in pixels; they share their centres with those that are compared."""

    @property
    def margin(self) -> int:
        """Return how many pixels beyond each edge of the frame are centres of patches too."""
        return self.craft // 2

    @property
    def reflected(self) -> int:
        """Return how many pixels beyond each edge are reflected."""
        return PATCH // 2 + self.margin

    @property
    def side(self) -> int:
        """Return the number of shifts along one axis of the picture."""
        return 2 * self.radius + 1

    @property
    def candidates(self) -> int:
        """Return the number of shifts, that by nothing among them."""
        return (2 * self.frames + 1) * self.side**2

    @property
    def own(self) -> int:
        """Return the number of the shift by nothing, the middle one."""
        return self.candidates // 2

    def checked(self) -> "Search":
        """Return itself; raises UserError for what cannot be searched."""
        if self.radius < 1 or not 0 <= self.frames <= HALF_WINDOW:
            raise UserError(
                f"radius {self.radius}, search_frames {self.frames}: give a radius of 1 px or more, and 0 to "
                f"{HALF_WINDOW} frames"
            )
        if not 3 <= self.craft <= PATCH or self.craft % 2 == 0:
            raise UserError(f"craft: {self.craft} px; give an odd number from 3 to {PATCH}")
        if self.candidates > 2**NUMBER_BITS:
            raise UserError(f"radius: {self.radius} px makes {self.candidates} candidates; at most {2**NUMBER_BITS}")
        return self


def padded(window: Tensor, search: Search) -> Tensor:
    """Extend (..., C, H, W) by `reflected` pixels of itself, fewer than H and W, then by `radius` of OUTSIDE."""
    reflected = F.pad(window.flatten(0, -4), [search.reflected] * 4, mode="reflect")
    extended: Tensor = F.pad(reflected, [search.radius] * 4, value=OUTSIDE).unflatten(0, window.shape[:-3])
    return extended


@torch.no_grad()
def nearest(window: Tensor, search: Search, memory: int) -> Tensor:
    """Return the numbers (..., neighbours - 1, H + 6, W + 6) int32 of the shifts to the nearest patches, best first.

    `window` is (..., 7, C, H, W), each window searched by itself, H and W above `search.reflected`; frames beyond the
    ends of a clip hold OUTSIDE. Entry [..., y, x] is of the patch of 15 x 15 around the pixel (y - 3, x - 3) of the
    middle frame: 3 is the margin of `search`, 6 twice that. Shifts are numbered by frame, row and column, each from the
    least, so `search.own` is that by nothing, which is left out.

    Exact: distances are sums of squared differences in double precision, added up in one order wherever a patch lies,
    and do not depend on `memory` or on the device. Of distances that agree to 1e-11 the lower number is the nearer one.
    `memory` in bytes bounds what is needed beside the input and the result, down to one candidate of one row.
    """
    each = window.shape[:-4]
    height, width = (side + 2 * search.margin for side in window.shape[-2:])
    kept = search.neighbours - 1
    found = torch.empty(*each, kept, height, width, dtype=torch.int32, device=window.device)
    surroundings = padded(window.narrow(-4, HALF_WINDOW - search.frames, 2 * search.frames + 1), search)
    rows, columns = _part(height, width, search, memory // prod(each))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        best = torch.empty(*each, bottom - top, 0, width, dtype=torch.int64, device=window.device)
        for first in range(0, search.candidates, search.side):
            for start in range(0, search.side, columns):
                end = min(start + columns, search.side)
                distances = _distances(surroundings, search, top, bottom, first // search.side, start, end)
                joined = torch.cat((best, _keys(distances, first + start, search)), dim=-2)
                best = joined.topk(min(kept, joined.shape[-2]), dim=-2, largest=False).values
        found[..., top:bottom, :] = (best & (2**NUMBER_BITS - 1)).transpose(-2, -3)
    return found


def _part(height: int, width: int, search: Search, memory: int) -> tuple[int, int]:
    """Return how many rows of patches, and how many shifts along a row, are looked at together."""
    row = BYTES * (width + PATCH)
    # one more for the frames in double precision
    columns = max(1, min(search.side, memory // (row * (min(ROWS, height) + PATCH)) - 1))
    return max(1, min(height, memory // (row * (columns + 1)) - PATCH)), columns


def _distances(surroundings: Tensor, search: Search, top: int, bottom: int, line: int, start: int, end: int) -> Tensor:
    """Return (..., rows, shifts, columns) of rows `top` to `bottom` to the shifts `start` to `end` of line `line`."""
    frame, down = divmod(line, search.side)
    radius = search.radius
    extent = surroundings.shape[-1] - 2 * radius
    own = surroundings[..., search.frames, :, radius + top : radius + bottom + PATCH - 1, radius : radius + extent]
    others = surroundings[..., frame, :, top + down : bottom + down + PATCH - 1, start : end - 1 + extent]
    total: Tensor | None = None
    for band, other in zip(own.unbind(-3), others.unbind(-3), strict=True):
        difference = other.double().unfold(-1, extent, 1) - band.double()[..., None, :]
        # products and sums apart: one rounding each, so the same on every device
        square = difference.mul_(difference)
        total = square if total is None else total.add_(square)
    assert total is not None
    return _summed(_summed(total, -1), -3)


def _summed(values: Tensor, axis: int) -> Tensor:
    """Return the sums of PATCH = 15 neighbouring `values` along `axis`, 4 + (2 + 3 + 2) + 4.

    Added up from both ends alike, so that patches that mirror each other, as along a reflected edge, have one sum.
    """
    count = values.shape[axis] - PATCH + 1
    twos = values.narrow(axis, 0, values.shape[axis] - 1) + values.narrow(axis, 1, values.shape[axis] - 1)
    fours = twos.narrow(axis, 0, twos.shape[axis] - 2) + twos.narrow(axis, 2, twos.shape[axis] - 2)
    sums = values.narrow(axis, 6, count) + values.narrow(axis, 8, count)
    sums.add_(values.narrow(axis, 7, count))
    sums.add_(twos.narrow(axis, 4, count) + twos.narrow(axis, 9, count))
    return sums.add_(fours.narrow(axis, 0, count) + fours.narrow(axis, 11, count))


def _keys(distances: Tensor, first: int, search: Search) -> Tensor:
    """Return int64 that are ordered as `distances` (..., shifts, columns) and carry the shifts' numbers in their end.

    As whole numbers, the bits of doubles above 0 are ordered as their values.
    """
    numbers = torch.arange(first, first + distances.shape[-2], device=distances.device)
    keys = distances.view(torch.int64).bitwise_and_(-(2**NUMBER_BITS)).bitwise_or_(numbers[:, None])
    if first <= search.own < first + distances.shape[-2]:
        keys[..., search.own - first, :] = torch.iinfo(torch.int64).max
    return keys
