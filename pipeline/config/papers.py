"""What papers print and claim: config/tables/published.csv and config/claims/<paper>.csv."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from lossbench import plugins
from lossbench.errors import UserError, nearest
from pipeline.config.files import number, read_csv
from pipeline.config.scale import Scale
from pipeline.config.table import Table
from pipeline.specs.judge import Claim, Kind

CELL = ("paper", "table", "dataset", "model", "loss", "metric")
"""Columns of published.csv that say where a number stands."""
PUBLISHED = (*CELL, "value")
CLAIM = ("id", "kind", "table", "better", "than", "metric", "columns", "networks", "source", "text", "reason")
"""Columns that a file of claims must have."""


def claims(
    folder: Path, table: str, scale: Scale, known: Sequence[str], definition: Table, losses: Iterable[str]
) -> Iterator[Claim]:
    """Give the claims on `table`, which has a `definition`, of its paper's file; a paper may have none.

    Raises UserError naming the line of a claim that is given twice, of an unknown kind, that speaks of a table that is
    not among `known`, or of a loss, metric or network that is neither of the table nor of the library, and of one that
    gives a reason or names losses where its kind has none; `losses` are those of the scale.
    """
    replaced = [metric.name for metric in scale.metrics.values() if metric]
    names = {
        "loss": {*definition.losses, *definition.controls, *definition.answers, *losses, *plugins.names("losses")},
        "metric": {*definition.metrics, *scale.metrics, *replaced, *plugins.names("metrics")},
        "network": {*definition.networks, *plugins.names("networks")},
    }
    path = folder / f"{table.split('/')[0]}.csv"
    ids: set[str] = set()
    for line, row in read_csv(path, CLAIM) if path.is_file() else ():
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
            _check_names(f"{path}, line {line}", row, names)
            lists = {name: tuple(row[name].split()) for name in ("columns", "networks")}
            other = scale.metrics.get(row["metric"])
            changed: dict[str, Any] = {"metric": other.name} if other else {}
            if (slight := row.get("slight", "")) not in ("", "yes"):
                raise UserError(
                    f"{path}, line {line}: slight: '{slight}' is neither 'yes' nor empty; write one of them"
                )
            changed["slight"] = slight == "yes"
            yield Claim.parse({**row, **lists, **changed}, f"{path}, line {line}: {row['id']}")


def _check_names(where: str, row: dict[str, str], names: dict[str, set[str]]) -> None:
    if not row["id"].strip():
        raise UserError(f"{where}: the claim has no id; give it one")
    if row["kind"] == "untestable":
        _check_untestable(where, row)
        return
    if row["reason"]:
        raise UserError(f"{where}: reason: only what is untestable has one; empty it, or make the kind 'untestable'")
    for column, kind in (("better", "loss"), ("than", "loss"), ("metric", "metric"), ("networks", "network")):
        for name in row[column].split() if column == "networks" else [row[column]]:
            if name not in names[kind]:
                raise UserError(f"{where}: {column}: there is no {kind} '{name}'; {nearest(name, names[kind])}")
    if row["better"] == row["than"]:
        raise UserError(f"{where}: '{row['better']}' is said to be better than itself; name two losses")


def _check_untestable(where: str, row: dict[str, str]) -> None:
    if not row["reason"].strip():
        raise UserError(f"{where}: reason: '{row['id']}' is untestable; say why")
    for column in ("better", "than", "metric", "columns", "networks"):
        if row[column]:
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
