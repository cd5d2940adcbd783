"""What papers print and claim: config/tables/published.csv and config/claims/<paper>.csv."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lossbench.errors import UserError, nearest
from pipeline.config.files import number, read_csv
from pipeline.config.scale import Scale
from pipeline.specs.judge import Claim

CELL = ("paper", "table", "dataset", "model", "loss", "metric")
"""Columns of published.csv that say where a number stands."""
PUBLISHED = (*CELL, "value")
CLAIM = ("id", "table", "better", "than", "metric", "columns", "networks", "source", "text")
"""Columns that a file of claims must have."""


def claims(folder: Path, table: str, scale: Scale, known: Sequence[str]) -> Iterator[Claim]:
    """Give the claims on `table` of its paper's file; a paper may have none.

    Raises UserError naming the line of a claim that is given twice or speaks of a table that is not among `known`.
    """
    path = folder / f"{table.split('/')[0]}.csv"
    ids: set[str] = set()
    for line, row in read_csv(path, CLAIM) if path.is_file() else ():
        if row["id"] in ids:
            raise UserError(f"{path}, line {line}: the claim '{row['id']}' is given twice; keep one")
        ids.add(row["id"])
        if row["table"] not in known:
            raise UserError(
                f"{path}, line {line}: table: '{row['table']}' is not defined; {nearest(row['table'], known)}"
            )
        if row["table"] == table:
            lists = {name: tuple(row[name].split()) for name in ("columns", "networks")}
            other = scale.metrics.get(row["metric"])
            metric = {"metric": other.name} if other else {}
            yield Claim.parse({**row, **lists, **metric}, f"{path}, line {line}: {row['id']}")


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
