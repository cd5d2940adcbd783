"""The data sets by name: what they are, and what is missing of them here."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError

FIELDS = ("name", "title", "licence", "bytes", "where", "stand_in_for")


def load(name: str) -> ModuleType:
    """Return the module of the data set `name`; raises UserError with the nearest match when there is none."""
    return plugins.load("datasets", name)


def listing() -> list[dict[str, Any]]:
    """Return the fields `FIELDS` of every data set's card, sorted by name."""
    cards = [load(name).CARD for name in plugins.names("datasets")]
    return [{field: getattr(card, field) for field in FIELDS} for card in cards]


def missing(name: str, root: Path | None) -> str | None:
    """Return None when the data set lies complete below `root`; else its licence, size, source and first problem.

    Files are looked for, and embedded ones checked by SHA-256, but no picture is decoded.
    """
    module = load(name)
    try:
        module.locate(root)
    except UserError as error:
        card = module.CARD
        # the error itself often says where to get it
        source = "" if card.where in str(error) else f" get it: {card.where};"
        size = f"{card.bytes / 1e9:.3g} GB" if card.bytes else "of unknown size"
        return f"data set '{name}' ({card.title}); licence: {card.licence}; download: {size};{source} {error}"
    return None


def fetch(name: str, root: Path) -> None:
    """Download the data set `name` to `root`, checked; raises UserError when it can't be fetched by a program."""
    module = load(name)
    if not hasattr(module, "fetch"):
        raise UserError(f"data set '{name}' can't be fetched by a program; get it: {module.CARD.where}")
    module.fetch(root)
