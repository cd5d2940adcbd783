"""What every data set says about itself, and about each of its pictures."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.names import require_text

CARDS = Path(__file__).with_name("cards.toml")


@dataclass(frozen=True)
class Archive:
    """A tar or zip file on the network."""

    url: str
    bytes: int
    """Its size, to the digits that are published."""
    digest: str
    """`sha256:` or `md5:` and all its hexadecimal digits; empty where none is published."""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Card:
    """A data set as a whole."""

    name: str
    """The plugin's name."""
    title: str
    licence: str
    bytes: int
    """Size of the download; 0 when there is nothing to download, or the size is not published."""
    where: str
    """How to get it."""
    layout: str
    """The expected tree, on one line."""
    stand_in_for: str | None = None
    """The published data set that this one replaces at small scale."""
    general: bool = False
    """Whether it is general imagery, on which nothing but loss networks and classifiers are trained."""
    needs_root: bool = True
    """Whether it lies in a folder of the user; others ship inside packages."""
    folder_of: str | None = None
    """The data set whose folder it reads; None for one with a folder of its own."""
    pictures: bool = True
    """Whether its licence allows restored pictures to be shown, beside numbers."""
    classes: int | None = None
    """Number of its classes where that is fixed; a plan compares it with a classifier's."""
    archives: tuple[Archive, ...] = ()
    """What a program downloads, one after the other; empty where it can't, and where one archive holds several sets."""


@dataclass(frozen=True)
class Source:
    """One picture or clip as it lies on disk."""

    name: str
    """Unique in its split; a target and its low-quality partner have the same name."""
    path: Path
    licence: str
    sha256: str | None = None
    """Of the file, when it is known beforehand."""
    picture: str | None = None
    """What it is a crop of: the crops of one picture count as one in statistics. None for a whole picture."""
    part: int | None = None
    """Its number among the crops of that picture."""
    group: str | None = None
    """The class that a labelled picture shows, or the set that a judged one belongs to."""
    place: tuple[int, int] | None = None
    """Row and column of a tile in its scene, counted in tiles: neighbours resemble each other. None for a picture that
    has nothing to do with the others."""

    def __post_init__(self) -> None:
        """Raise UserError naming the file when the name is not UTF-8."""
        require_text(self.name, self.path)


Splits = dict[str, list[Source]]
"""The sources of `train`, `val` and `test`."""


@cache
def card(name: str) -> Card:
    """Return the card of the data set `name`, whose plugin is not imported.

    That of one from outside is the call of `Card`, all written out, that its class has as `card`. Raises UserError with
    the nearest match when there is no such plugin, and for one without a card in `CARDS`.
    """
    if plugins.is_outside("datasets", name):
        return _written(name)
    if name not in _stored():
        raise UserError(f"data set '{name}' has no card; add it to {CARDS}")
    fields = dict(_stored()[name])
    archives = tuple(Archive(**archive) for archive in fields.pop("archives", ()))
    return Card(name=name, archives=archives, **fields)


def _written(name: str) -> Card:
    fields = plugins.written_call("datasets", name, "card")
    try:
        if fields is None:
            raise TypeError("there is none")
        return Card(**{**fields, "name": name})
    except TypeError as error:
        raise UserError(
            f"data set '{name}' has no card that can be read without running it ({error}); write in its class "
            "card = Card(name=..., title=..., licence=..., bytes=..., where=..., layout=...), each by its name"
        ) from None


@cache
def _stored() -> dict[str, dict[str, Any]]:
    return tomllib.loads(CARDS.read_text(encoding="utf-8"))
