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
    """Size of the download; 0 when there is nothing to download."""
    where: str
    """How to get it."""
    layout: str
    """The expected tree, on one line."""
    stand_in_for: str | None = None
    """The published data set that this one replaces at small scale."""


@dataclass(frozen=True)
class Source:
    """One picture or clip as it lies on disk."""

    name: str
    """Unique in its split; a target and its low-quality partner have the same name."""
    path: Path
    licence: str
    sha256: str | None = None
    """Of the file, when it is known beforehand."""
