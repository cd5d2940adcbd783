"""The table of a paper as rows of cells for a page: ours, the difference with its interval, the published number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from pipeline.outputs.scores import KEY
from pipeline.pages.formats import ARROWS
from pipeline.pages.inputs import BLANK, UNSCORED, Table
from pipeline.specs.tabulate import TRIVIAL, MetricColumn

LEVEL = 0.05
"""Adjusted p-values below it are marked."""
DASH = "–"
INFINITE = "∞"


@dataclass(frozen=True)
class Number:
    """One cell of a table: what is printed, what it is sorted by, and what the second and third line say."""

    text: str
    value: float | None = None
    below: str = ""
    """Spread, interval or published difference."""
    sign: str = ""
    """`better`, `worse` or nothing: in which direction a difference goes."""
    significant: bool = False
    footnote: int = 0
    """Number of the warning that must be read with it; 0 is none."""
    why: str = ""
    """Why there is no number."""


@dataclass(frozen=True)
class SheetRow:
    """One row of a table."""

    network: str
    loss: str
    kind: str
    """`trivial`, `reference`, `again`, `control`, `answer` or `loss`."""
    cells: list[tuple[Number, Number, Number]]
    """Ours, difference, published: for every column and metric."""


@dataclass(frozen=True)
class Sheet:
    """A whole table, ready for a page."""

    groups: Sequence[str]
    """Columns of the paper."""
    metrics: Sequence[MetricColumn]
    rows: list[SheetRow]
    footnotes: list[str]


def sheet(table: Table) -> Sheet:
    """Return the table as the page shows it: trivial answers first, then a row a network and loss."""
    spec = table.spec
    found = {tuple(str(row[name]) for name in KEY): row for row in table.long.to_dict("records")}
    digits = {metric.name: _digits(table.long, metric.name) for metric in spec.metrics}
    rows, footnotes = [_trivial(table, name, digits) for name in spec.all_trivials], list[str]()
    for network, loss in product(spec.networks, spec.losses):
        cells = []
        for column, metric in product(spec.columns, spec.metrics):
            key = (column, network, loss, metric.name)
            cells.append(_cells(table, found.get(key) or _unscored(table, key), metric, digits[metric.name], footnotes))
        rows.append(SheetRow(network, loss, kind(table, loss), cells))
    return Sheet(spec.columns, spec.metrics, rows, footnotes)


def kind(table: Table, loss: str) -> str:
    """Return what a loss is in its table: `reference`, `again`, `control`, `answer` or `loss`."""
    if loss == table.spec.reference_loss:
        return "reference"
    if loss == table.spec.again:
        return "again"
    if loss in table.spec.answers:
        return "answer"
    return "control" if loss in table.spec.controls else "loss"


def signed(value: object, digits: int) -> str:
    """Return a difference with its sign, or a dash where there is none."""
    number = real(value)
    if number is None:
        return f"+{endless}" if (endless := infinite(value)) == INFINITE else endless or DASH
    text = f"{number:+.{digits}f}"
    # a difference that vanishes in print has no direction
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def plain(value: object, digits: int) -> str:
    """Return a number, or a dash where there is none."""
    number = real(value)
    return infinite(value) or DASH if number is None else f"{number:.{digits}f}".replace("-", "−")


def interval(low: object, high: object, digits: int) -> str:
    """Return an interval in brackets, or nothing where there is none."""
    if real(low) is None or real(high) is None:
        return ""
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def real(value: object) -> float | None:
    """Return a finite number as float, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def infinite(value: object) -> str:
    """Return an infinite number as it is printed, and nothing for anything else."""
    if not isinstance(value, float) or not math.isinf(value):
        return ""
    return INFINITE if value > 0 else f"−{INFINITE}"


def direction(value: object, better: str, digits: int) -> str:
    """Return `better` or `worse` for a difference of a metric, nothing for one that vanishes in print."""
    number = real(value)
    if number is None or float(f"{number:.{digits}f}") == 0:
        return ""
    return "better" if (number > 0) == (better == "up") else "worse"


def head(metric: MetricColumn) -> str:
    """Return the metric's name with the arrow of its better direction."""
    return f"{metric.name.upper()} {ARROWS[metric.better]}"


def _digits(long: pd.DataFrame, metric: str) -> int:
    """Return how many digits after the point a metric needs: four numbers that tell."""
    values = pd.to_numeric(long.loc[long["metric"] == metric, "value"], errors="coerce").abs()
    largest = 0.0 if values.dropna().empty else float(values.median())
    return 2 if largest >= 10 else 3 if largest >= 1 else 4


def _cells(
    table: Table, row: dict[Any, Any], metric: MetricColumn, places: int, footnotes: list[str]
) -> tuple[Number, Number, Number]:
    reference = row["loss"] == table.spec.reference_loss
    published = _published(row, metric, places, footnotes, reference)
    value = real(row["value"])
    if value is None and not infinite(row["value"]):
        return _gap(table, str(row["column"]), str(row["network"]), str(row["loss"])), Number(DASH), published
    spread = real(row.get("sd_over_seeds"))
    ours = Number(plain(row["value"], places), value, "" if spread is None else f"± {plain(spread, places)}")
    if reference:
        return ours, Number("reference"), published
    change, adjusted = real(row.get("difference")), real(row.get("p_holm"))
    ends = interval(row.get("low"), row.get("high"), places)
    significant = adjusted is not None and adjusted < LEVEL
    difference = Number(
        signed(row.get("difference"), places), change, ends, direction(change, metric.better, places), significant
    )
    return ours, difference, published


def _published(row: dict[Any, Any], metric: MetricColumn, places: int, footnotes: list[str], reference: bool) -> Number:
    value = real(row.get("published"))
    if value is None:
        return Number(DASH, why="not published")
    change = None if reference else real(row.get("published_difference"))
    below = "" if change is None else signed(change, places)
    footnote = _footnote(row.get("published_warning"), footnotes)
    return Number(plain(value, places), value, below, direction(change, metric.better, places), footnote=footnote)


def _footnote(warning: object, footnotes: list[str]) -> int:
    """Return the number of a warning, counted from 1; equal warnings share one."""
    if not isinstance(warning, str) or not warning:
        return 0
    if warning not in footnotes:
        footnotes.append(warning)
    return footnotes.index(warning) + 1


def _unscored(table: Table, key: tuple[str, str, str, str]) -> dict[Any, Any]:
    """Return the row of a place that the table has not: the published number and nothing of ours."""
    published = {(entry.column, entry.network, entry.loss, entry.metric): entry for entry in table.spec.published}
    row: dict[Any, Any] = {**dict(zip(KEY, key, strict=True)), "value": None}
    reference = published.get((*key[:2], table.spec.reference_loss, key[3]))
    if (entry := published.get(key)) is not None:
        row |= {"published": entry.value, "published_warning": entry.warning}
        if reference is not None:
            row["published_difference"] = entry.value - reference.value
    return row


def _gap(table: Table, column: str, network: str, loss: str) -> Number:
    """Return what is printed where there is no number of ours."""
    why = table.reason(column, network, loss)
    if why in (UNSCORED, BLANK):
        return Number(DASH, why=why)
    return Number("server only" if why.startswith("server only") else "missing", why=why)


def _trivial(table: Table, name: str, digits: dict[str, int]) -> SheetRow:
    answer = table.spec.trivial_column(name)
    long = table.long.reindex(columns=["column", "metric", answer]).dropna()
    cells = []
    for column, metric in product(table.spec.columns, table.spec.metrics):
        if name not in table.spec.trivials_of(column):
            cells.append((Number(DASH), Number(""), Number("")))
            continue
        values = long.loc[(long["column"] == column) & (long["metric"] == metric.name), answer]
        value = None if values.empty else float(values.iloc[0])
        ours = Number(plain(value, digits[metric.name]), real(value))
        cells.append((_gap(table, column, TRIVIAL, name) if value is None else ours, Number(""), Number("")))
    return SheetRow("", name, "trivial", cells)
