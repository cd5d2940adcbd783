"""How the names of a labelled data set's pictures say their class."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import UserError

SEPARATOR = "-"
"""Between the class and the rest of a name; no name of a class has one."""


def class_of(name: str) -> str:
    """Return the class of the picture `name`: what stands before the first separator."""
    return name.partition(SEPARATOR)[0]


def class_names(names: Iterable[str]) -> list[str]:
    """Return the classes of the pictures `names`, sorted: the label of a class is its place here."""
    return sorted({class_of(name) for name in names})


def labels(names: Iterable[str]) -> dict[str, int]:
    """Return the label of every one of the pictures `names`; raises UserError for a name that says no class."""
    given = list(names)
    for name in given:
        if SEPARATOR not in name:
            raise UserError(f"'{name}' says no class; a labelled picture is called <class>{SEPARATOR}<name>")
    places = {name: place for place, name in enumerate(class_names(given))}
    return {name: places[class_of(name)] for name in given}
