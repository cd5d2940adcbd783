"""How the names of a labelled data set's pictures say their class."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = "-"
"""Between the class and the rest of a name; no name of a class has one."""


def class_of(name: str) -> str:
    """Return the class of the picture `name`: what stands before the first separator."""
    return name.partition(SEPARATOR)[0]


def class_names(names: Iterable[str]) -> list[str]:
    """Return the classes of the pictures `names`, sorted: the label of a class is its place here."""
    return sorted({class_of(name) for name in names})
