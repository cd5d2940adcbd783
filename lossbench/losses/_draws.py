"""Random numbers of a batch, also where a call sees a part of it: each picture has those that it has in the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Part:
    """Which pictures of a batch a call sees."""

    first: int
    size: int
    whole: int
    """Pictures of the whole batch."""
    drawn: bool = False
    """Whether numbers were drawn for it."""


_part: Part | None = None


@contextmanager
def part_of_batch(first: int, size: int, whole: int) -> Iterator[Part]:
    """Let `uniform` draw for all `whole` pictures in the block, and give the `size` ones from `first` on theirs."""
    global _part
    _part = Part(first, size, whole)
    try:
        yield _part
    finally:
        _part = None


def uniform(number: int, cells: int, generator: torch.Generator | None) -> Tensor:
    """Return (number, cells) uniform numbers, drawn by `generator` (CPU), torch's global one when None.

    They are drawn on the CPU in float32 whatever torch's defaults are, so that they are the same everywhere.
    """
    if _part is None:
        return torch.rand(number, cells, generator=generator, dtype=torch.float32, device="cpu")
    _part.drawn = True
    # a picture may have several rows, as a clip has frames
    each = number // _part.size
    whole = torch.rand(each * _part.whole, cells, generator=generator, dtype=torch.float32, device="cpu")
    return whole[each * _part.first : each * (_part.first + _part.size)]
