"""Several crops of one file as pictures of their own, which know what they are of."""

from dataclasses import replace

from lossbench.datasets import Source
from lossbench.names import part


def parts(source: Source, count: int) -> list[Source]:
    """Return `source` once for each of `count` crops of it, at most 100, called `x~00`, `x~01` and so on."""
    return [
        replace(source, name=part(source.name, number), picture=source.name, part=number) for number in range(count)
    ]


def part_of(source: Source) -> tuple[Source, int]:
    """Return what the crop `source` is of, and its number."""
    assert source.picture is not None and source.part is not None
    return replace(source, name=source.picture, picture=None, part=None), source.part
