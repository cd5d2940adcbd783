"""The data sets by name: what they are, and what is missing of them here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.datasets._card import Card, Source, Splits
from lossbench.datasets._dataset import Dataset, Judged, Labelled, ScoredByServer
from lossbench.datasets._pairs import check_pair_sizes
from lossbench.datasets._read import Read, read_source
from lossbench.errors import UserError

__all__ = [
    "Card",
    "Dataset",
    "Judged",
    "Labelled",
    "Read",
    "ScoredByServer",
    "Source",
    "Splits",
    "check_pair_sizes",
    "fetch",
    "listing",
    "load",
    "missing",
    "read_source",
    "stated",
]

FIELDS = ("name", "title", "licence", "bytes", "where", "stand_in_for")


def load(name: str) -> Dataset:
    """Return the data set `name`; raises UserError with the nearest match when there is none."""
    found: Dataset = plugins.load("datasets", name).DATASET
    return found


def stated(name: str, field: str) -> Any:
    """Return a literal `field` of the data set's card by reading its file: nothing is imported."""
    return plugins.keyword("datasets", name, field, Card.__dataclass_fields__[field].default)


def listing() -> list[dict[str, Any]]:
    """Return the fields `FIELDS` of every data set's card, sorted by name."""
    cards = [load(name).card for name in plugins.names("datasets")]
    return [{field: getattr(card, field) for field in FIELDS} for card in cards]


def missing(name: str, root: Path | None) -> str | None:
    """Return None when the data set lies complete below `root`; else its licence, size, source and first problem.

    Files are looked for, and embedded ones checked by SHA-256, but no picture is decoded.
    """
    found = load(name)
    try:
        found.locate(root)
    except UserError as error:
        card = found.card
        # the error itself often says where to get it
        source = "" if card.where in str(error) else f" get it: {card.where};"
        size = f"{card.bytes / 1e9:.3g} GB" if card.bytes else "of unknown size"
        return f"data set '{name}' ({card.title}); licence: {card.licence}; download: {size};{source} {error}"
    return None


def fetch(name: str, root: Path) -> None:
    """Download the data set `name` to `root`, checked; raises UserError when it can't be fetched by a program."""
    load(name).fetch(root)
