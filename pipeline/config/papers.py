"""What papers print and claim: config/tables/published.csv and config/claims/<paper>.csv."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from lossbench import plugins
from lossbench.errors import UserError, nearest
from pipeline.config.files import number, read_csv
from pipeline.config.places import claim_files
from pipeline.config.scale import Scale
from pipeline.config.table import Table
from pipeline.specs.judge import Claim, Kind

CELL = ("paper", "table", "dataset", "model", "loss", "metric")
"""Columns of published.csv that say where a number stands."""
PUBLISHED = (*CELL, "value")
CLAIM = ("id", "kind", "table", "better", "than", "metric", "columns", "networks", "source", "text", "reason")
"""Columns that a file of claims must have; `against`, `slight`, `every`, `pairs`, `won` and `within` it may have."""


def claims(
    folder: Path, table: str, scale: Scale, known: Sequence[str], definition: Table, losses: Iterable[str]
) -> Iterator[Claim]:
    """Give the claims on `table`, which has a `definition`, of its paper's file and its own; there may be none.

    `folder` is that of the configuration. Raises UserError naming the line of a claim that is given twice, of an
    unknown kind, that speaks of a table that is not among `known`, or of a loss, metric or network that is neither of
    the table nor of the library, of one that gives a reason or names losses where its kind has none, and of words that
    do not fit together; `losses` are those of the scale.
    """
    replaced = [metric.name for metric in scale.metrics.values() if metric]
    names = {
        "loss": {*definition.losses, *definition.controls, *definition.answers, *losses, *plugins.known("losses")},
        "metric": {*definition.metrics, *scale.metrics, *replaced, *plugins.known("metrics")},
        "network": {*definition.networks, *plugins.known("networks")},
    }
    ids: set[str] = set()
    rows = [(file, *numbered) for file in claim_files(folder, table) for numbered in read_csv(file, CLAIM)]
    for path, line, row in rows:
        if row["id"] in ids:
            raise UserError(f"{path}, line {line}: the claim '{row['id']}' is given twice; keep one")
        ids.add(row["id"])
        if row["kind"] not in (kinds := get_args(Kind)):
            raise UserError(
                f"{path}, line {line}: kind: there is no kind '{row['kind']}'; {nearest(row['kind'], kinds)}"
            )
        if row["table"] not in known:
            raise UserError(
                f"{path}, line {line}: table: '{row['table']}' is not defined; {nearest(row['table'], known)}"
            )
        if row["table"] == table:
            where = f"{path}, line {line}"
            pairs = _pairs(where, row.get("pairs", ""))
            _check_words(where, row)
            _check_names(where, row, pairs, names)
            lists = {name: tuple(row[name].split()) for name in ("columns", "networks")}
            stands = (scale.metrics.get(name) or name for name in row["metric"].split())
            metrics = tuple(one if isinstance(one, str) else one.name for one in stands)
            several = len(metrics) > 1
            changed: dict[str, Any] = {
                "metric": "" if several else " ".join(metrics),
                "metrics": metrics if several else (),
                "pairs": pairs,
                "slight": row.get("slight") == "yes",
            }
            yield Claim.parse({**row, **lists, **changed}, f"{where}: {row['id']}")


def _pairs(where: str, text: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of losses of `text`, `better>than` each, apart by spaces."""
    found = []
    for pair in text.split():
        better, mark, than = pair.partition(">")
        if not (better and mark and than):
            raise UserError(
                f"{where}: pairs: '{pair}' is no pair of losses; write the better one first: ctmae>original"
            )
        found.append((better, than))
    _refuse_twice(where, "pairs", text)
    return tuple(found)


def _refuse_twice(where: str, column: str, text: str) -> None:
    names = text.split()
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{where}: {column}: '{twice[0]}' is named twice; keep one")


def _check_words(where: str, row: dict[str, str]) -> None:
    """Check the columns of which each takes one word or none, and that the words of a row fit together."""
    for column, word in (("slight", "yes"), ("every", "cell")):
        if (given := row.get(column, "")) not in ("", word):
            raise UserError(f"{where}: {column}: '{given}' is neither '{word}' nor empty; write one of them")
    for column in ("slight", "against", "every", "won"):
        if row.get("within") and row.get(column):
            raise UserError(f"{where}: {column}: what is said of a margin is no direction; empty it, or 'within'")
    for column in ("slight", "against"):
        if row.get("every") and row.get(column):
            raise UserError(f"{where}: {column}: what is said of every cell is a direction; empty it, or 'every'")
    _refuse_twice(where, "metric", row["metric"])
    if row.get("won"):
        _check_won(where, row)
    if len(row["metric"].split()) > 1 and not row.get("every"):
        raise UserError(
            f"{where}: metric: '{row['metric']}' are several, which have no mean; name one, or write 'cell' under every"
        )


def _check_won(where: str, row: dict[str, str]) -> None:
    wins, mark, count = row["won"].partition("/")
    if row["won"] != "share" and not (mark and wins.isdecimal() and count.isdecimal() and 0 < int(count) >= int(wins)):
        raise UserError(
            f"{where}: won: '{row['won']}' is no number of pictures out of all; write it as 99/100, or 'share' where "
            "the paper prints none"
        )
    for column in ("pairs", "every", "against", "slight"):
        if row.get(column):
            raise UserError(f"{where}: {column}: a share of pictures compares two losses by one metric; empty it")
    metric = row["metric"]
    if metric in plugins.known("metrics") and plugins.constant("metrics", metric, "OVER", "picture") == "set":
        raise UserError(
            f"{where}: metric: '{metric}' has one number for all pictures, and no share of them; name another"
        )


def _check_names(where: str, row: dict[str, str], pairs: Sequence[tuple[str, str]], names: dict[str, set[str]]) -> None:
    if not row["id"].strip():
        raise UserError(f"{where}: the claim has no id; give it one")
    if row["kind"] == "untestable":
        _check_untestable(where, row)
        return
    if row["reason"]:
        raise UserError(f"{where}: reason: only what is untestable has one; empty it, or make the kind 'untestable'")
    if pairs and (row["better"] or row["than"]):
        raise UserError(f"{where}: pairs: 'better' and 'than' name losses as well; empty them, or the pairs")
    losses: tuple[tuple[str, str], ...] = (("better", row["better"]), ("than", row["than"]))
    if pairs:
        losses = tuple(("pairs", name) for pair in pairs for name in pair)
    several = [("metric", name) for name in row["metric"].split() or [""]]
    several += [("networks", name) for name in row["networks"].split()]
    for column, name in (*losses, *several):
        kind = {"metric": "metric", "networks": "network"}.get(column, "loss")
        if name not in names[kind]:
            raise UserError(f"{where}: {column}: there is no {kind} '{name}'; {nearest(name, names[kind])}")
    for better, than in pairs or ((row["better"], row["than"]),):
        if better == than:
            raise UserError(f"{where}: '{better}' is said to be better than itself; name two losses")


def _check_untestable(where: str, row: dict[str, str]) -> None:
    if not row["reason"].strip():
        raise UserError(f"{where}: reason: '{row['id']}' is untestable; say why")
    for column in ("better", "than", "pairs", "metric", "every", "won", "columns", "networks"):
        if row.get(column):
            raise UserError(f"{where}: {column}: '{row['id']}' is untestable, which compares nothing; empty it")


def published(file: Path) -> Iterator[dict[str, str]]:
    """Give the published numbers; raises UserError for a value that is none, and for a cell that is given twice."""
    lines: dict[tuple[str, ...], int] = {}
    for line, row in read_csv(file, PUBLISHED):
        number(f"{file}, line {line}", "value", row["value"])
        cell = tuple(row[name] for name in CELL)
        if cell in lines:
            raise UserError(
                f"{file}, line {line}: {' '.join(cell)} is given twice (first in line {lines[cell]}); keep one"
            )
        lines[cell] = line
        yield row
