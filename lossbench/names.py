"""Names of pictures: how crops and versions are called, in which order frames follow, and what a file may be called.

A name is never read for what it says: Source and prepared data keep the picture, the target and the class beside it.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from lossbench.errors import UserError, shown

LONGEST = 255
"""Bytes of a file's name at most."""
DIGEST = 16
"""Hexadecimal digits that tell shortened names apart."""


def part(name: str, number: int, digits: int = 2) -> str:
    """Return how the crop `number` of the picture `name` is called: `x~03`."""
    return f"{name}~{number:0{digits}}"


def version(name: str, number: int) -> str:
    """Return how the degraded version `number` of the picture `name` is called; the first has the picture's own."""
    return f"{name}@{number}" if number else name


def of_class(group: str, name: str) -> str:
    """Return how the picture `name` of the class or set `group` is called."""
    return f"{group}-{name}"


def class_names(groups: Iterable[str]) -> list[str]:
    """Return the classes of pictures, sorted: the label of a class is its place here."""
    return sorted(set(groups))


def labels(groups: Mapping[str, str | None]) -> dict[str, int]:
    """Return the labels of pictures by name, given the classes by name; raises UserError for a picture without one."""
    for name, group in groups.items():
        if group is None:
            raise UserError(f"'{name}' says no class; take a data set whose pictures have classes")
    places = {group: place for place, group in enumerate(class_names(group for group in groups.values() if group))}
    return {name: places[str(group)] for name, group in groups.items()}


def counted(number: float, name: str, form: str = "") -> str:
    """Return how many of what is called `name` there are, in words: `1 crop`, `8 crops`; `form` is that of a number."""
    return f"{number:{form}} {name}" if number == 1 else f"{number:{form}} {name}s"


def natural(name: str) -> tuple[list[str | int], str]:
    """Return the key that sorts names with their numbers as numbers: 2 before 10; equal numbers go by their text.

    Digits of every script count, and stand for what they stand for in `int`.
    """
    pieces = re.split(r"(\d+)", name)
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name


def natural_path(path: Path) -> tuple[list[str | int], str, str]:
    """Return the key that sorts files of one folder by `natural`; the extension counts last."""
    return *natural(path.stem), path.name


def fitting(stem: str, ending: str) -> str:
    """Return `stem` and `ending` as the name of a file.

    What is too long for a file system is cut in the middle, where a digest keeps different names apart.
    """
    encoded, room = os.fsencode(stem), LONGEST - len(os.fsencode(ending))
    if len(encoded) <= room:
        return stem + ending
    digest = hashlib.sha256(encoded).hexdigest()[:DIGEST]
    return f"{encoded[: room - DIGEST - 1].decode('utf-8', 'ignore')}-{digest}{ending}"


def require_text(name: str, path: Path) -> None:
    """Raise UserError naming the file at `path` when its `name` is not UTF-8, so that no CSV or JSON could hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        # surrogates also come of a good name in a locale that does not know its characters
        known = name.encode(errors="surrogateescape").decode(errors="replace")
        remedy = "rename it" if "\N{REPLACEMENT CHARACTER}" in known else "set LC_ALL=C.UTF-8"
        raise UserError(f"{shown(str(path))}: this file's name can't be read as UTF-8; {remedy} and rerun") from None


def lookalike(name: str, others: Iterable[str]) -> str:
    """Say which of `others` differs from `name` in case or in its form of Unicode alone; empty where none does."""
    found = next((other for other in others if _plain(other) == _plain(name)), None)
    return f"; '{found}' there differs in case or Unicode form (NFC, NFD) alone" if found else ""


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
