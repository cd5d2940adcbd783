"""Several crops of one file as pictures of their own: their names say which picture they are of."""

from dataclasses import replace

from lossbench.datasets import Source
from lossbench.names import part, part_number, whole


def parts(source: Source, count: int) -> list[Source]:
    """Return `source` once for each of `count` crops of it, at most 100, named `x~00`, `x~01` and so on."""
    return [replace(source, name=part(source.name, number)) for number in range(count)]


def part_of(source: Source) -> tuple[Source, int]:
    """Return what the crop `source` is of, and its number."""
    return replace(source, name=whole(source.name)), part_number(source.name)
