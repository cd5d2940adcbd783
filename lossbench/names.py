"""What the name of a picture says: its class, the picture that it is a crop of, and its degraded version."""

from collections.abc import Iterable

from lossbench.errors import UserError

CLASS = "-"
"""Between the class of a labelled picture and the rest of its name; no name of a class has one."""
PART = "~"
"""Between the name of a picture and the number of a crop of it; the crops of one picture count as one in statistics."""
VERSION = "@"
"""Between the name of a picture and the number of a further degraded version of it."""


def part(name: str, number: int, digits: int = 2) -> str:
    """Return the name of the crop `number` of the picture `name`: `x~03`."""
    return f"{name}{PART}{number:0{digits}}"


def whole(name: str) -> str:
    """Return the name of the picture that `name` is a crop of, or `name` itself."""
    return name.partition(PART)[0]


def part_number(name: str) -> int:
    """Return the number of the crop `name`; raises ValueError for the name of a whole picture."""
    return int(name.partition(PART)[2])


def version(name: str, number: int) -> str:
    """Return the name of the degraded version `number` of the picture `name`; the first has the picture's own."""
    return f"{name}{VERSION}{number}" if number else name


def undegraded(name: str) -> str:
    """Return the name of the picture that `name` is a degraded version of, or `name` itself."""
    return name.partition(VERSION)[0]


def class_of(name: str) -> str:
    """Return the class of the picture `name`: what stands before the first separator."""
    return name.partition(CLASS)[0]


def class_names(names: Iterable[str]) -> list[str]:
    """Return the classes of the pictures `names`, sorted: the label of a class is its place here."""
    return sorted({class_of(name) for name in names})


def labels(names: Iterable[str]) -> dict[str, int]:
    """Return the label of every one of the pictures `names`; raises UserError for a name that says no class."""
    given = list(names)
    for name in given:
        if CLASS not in name:
            raise UserError(f"'{name}' says no class; a labelled picture is called <class>{CLASS}<name>")
    places = {name: place for place, name in enumerate(class_names(given))}
    return {name: places[class_of(name)] for name in given}
