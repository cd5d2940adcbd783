"""Folders `low` and `high` with the same names: the layout of the photographed low-light sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from lossbench.datasets import Card, Source
from lossbench.datasets._tree import pictures
from lossbench.errors import UserError


@dataclass(frozen=True)
class Pair:
    """One scene, photographed twice."""

    name: str
    high: Path
    """Exposed normally: the target."""
    low: Path
    """Exposed too short: the low-quality partner."""


def pairs(folder: Path, split: str, card: Card, extensions: Collection[str]) -> list[Pair]:
    """Return the pairs of `folder/{low,high}`, sorted by name.

    Raises UserError naming the split and a missing folder, a file without partner, or two files of one name.
    """
    low, high = (pictures(folder / side, split, card, extensions) for side in ("low", "high"))
    for ours, theirs, other in ((high, low, folder / "low"), (low, high, folder / "high")):
        for name in ours:
            if name not in theirs:
                raise UserError(f"{ours[name]} (split {split}) has no partner '{name}' in {other}; get the set again")
    return [Pair(name, high[name], low[name]) for name in high]


def targets(found: Iterable[Pair], licence: str) -> list[Source]:
    """Return the normally exposed pictures."""
    return [Source(pair.name, pair.high, licence) for pair in found]


def partners(found: Iterable[Pair], licence: str) -> list[Source]:
    """Return the underexposed pictures, by the names of their targets."""
    return [Source(pair.name, pair.low, licence) for pair in found]
