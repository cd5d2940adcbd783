"""What every data set says about itself, and about each of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    needs_root: bool = True
    """Whether it lies in a folder of the user; others ship inside packages."""
    folder_of: str | None = None
    """The data set whose folder it reads; None for one with a folder of its own."""
    pictures: bool = True
    """Whether its licence allows restored pictures to be shown, beside numbers."""
    classes: int | None = None
    """Number of its classes where that is fixed; a plan compares it with a classifier's."""


@dataclass(frozen=True)
class Source:
    """One picture or clip as it lies on disk."""

    name: str
    """Unique in its split; a target and its low-quality partner have the same name."""
    path: Path
    licence: str
    sha256: str | None = None
    """Of the file, when it is known beforehand."""


Splits = dict[str, list[Source]]
"""The sources of `train`, `val` and `test`."""
