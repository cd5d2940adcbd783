"""The data sets by name: what they are, and what is missing of them here."""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.datasets._card import Card, Source, Splits, card
from lossbench.datasets._dataset import Dataset, Judged, Labelled, ScoredByServer, Streamed
from lossbench.datasets._located import DatasetError, located, located_low_quality
from lossbench.datasets._read import Read, Stream, check_pair_sizes, read_source, stream_source
from lossbench.datasets._scale import no_pairs, scale_of_pairs
from lossbench.errors import UserError
from lossbench.turns import turn

__all__ = [
    "Card",
    "Dataset",
    "DatasetError",
    "Judged",
    "Labelled",
    "Read",
    "ScoredByServer",
    "Source",
    "Splits",
    "Stream",
    "Streamed",
    "card",
    "check_pair_sizes",
    "fetch",
    "listing",
    "load",
    "located",
    "located_low_quality",
    "missing",
    "read_source",
    "scale_of_pairs",
    "stream_source",
]

FIELDS = ("name", "title", "licence", "bytes", "where", "stand_in_for")


def load(name: str) -> Dataset:
    """Return the data set `name`; raises UserError with the nearest match when there is none.

    One from outside is a module with its `DATASET`, an object, or a class that is made without arguments.
    """
    found = plugins.load("datasets", name)
    if inspect.ismodule(found):
        found = getattr(found, "DATASET", None)
    if inspect.isclass(found):
        found = found()
    if not isinstance(found, Dataset):
        raise UserError(f"data set '{name}' is no lossbench.datasets.Dataset; derive its class from that")
    return found


def listing() -> list[dict[str, Any]]:
    """Return the fields `FIELDS` of every data set's card, sorted by name; `bytes` is None where it is not known.

    What an installed package offers comes last, with its name and version as `package`.
    """
    return [*map(_fields, plugins.names("datasets")), *plugins.offered_rows("datasets", _fields)]


def _fields(name: str) -> dict[str, Any]:
    row = {field: getattr(card(name), field) for field in FIELDS}
    return {**row, "name": name, "bytes": row["bytes"] or None}


def missing(name: str, root: Path | None, paired_for: str | None = None, splits: Iterable[str] = ()) -> str | None:
    """Return None when the data set lies complete below `root`; else its licence, size, source and first problem.

    Files are looked for, and embedded ones checked by SHA-256, but no picture is decoded. `paired_for` is a task that
    takes what the set ships beside its targets, which is then looked for too. Each of `splits` must have a picture.
    Raises UserError for a data set from outside whose code is at fault.
    """
    dataset = load(name)
    try:
        found = located(dataset, root)
        if not any(found.values()):
            raise UserError(f"{root}: no picture of any split; expected: {card(name).layout}")
        if lacking := [split for split in splits if not found.get(split)]:
            # what is there is complete, and no download brings more
            there = ", ".join(f"{each} {len(sources)}" for each, sources in found.items())
            fault = f"data set '{name}' has no picture of split '{lacking[0]}', which is used (it has: {there})"
            return f"{fault}; name another split or set, or give it some; expected: {card(name).layout}"
        if paired_for and located_low_quality(dataset, root, paired_for, 1) is None:
            raise no_pairs(dataset, root)
    except DatasetError:
        raise
    except UserError as error:
        told = card(name)
        # the error itself often says where to get it
        source = "" if told.where in str(error) else f" get it: {told.where};"
        size = f"{told.bytes / 1e9:.3g} GB" if told.bytes else "of unknown size"
        return f"data set '{name}' ({told.title}); licence: {told.licence}; download: {size};{source} {error}"
    return None


def fetch(name: str, root: Path) -> None:
    """Download the data set `name` to `root`, checked; raises UserError when it can't be fetched by a program.

    Two processes that fetch it take turns.
    """
    dataset = load(name)
    with turn(root):
        dataset.fetch(root)
