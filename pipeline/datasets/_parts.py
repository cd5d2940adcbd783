"""Several crops of one file as pictures of their own: their names say which picture they are of."""

from __future__ import annotations

from dataclasses import replace

from pipeline.arrays import PART
from pipeline.datasets._card import Source


def parts(source: Source, count: int) -> list[Source]:
    """Return `source` once for each of `count` crops of it, at most 100, named `x~00`, `x~01` and so on."""
    return [replace(source, name=f"{source.name}{PART}{number:02}") for number in range(count)]


def part_of(source: Source) -> tuple[Source, int]:
    """Return what the crop `source` is of, and its number."""
    name, _, number = source.name.partition(PART)
    return replace(source, name=name), int(number)
