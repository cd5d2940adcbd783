"""One matrix a paper, losses by tasks: each cell the difference to the reference loss, and the price of a step."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from pipeline.judging.summary import Axis
from pipeline.pages.claims import telling
from pipeline.pages.cost import step_factors
from pipeline.pages.formats import ARROWS
from pipeline.pages.inputs import Table
from pipeline.pages.numbers import DASH, interval, kind, real, signed

AXES: tuple[str, ...] = get_args(Axis)
UNITS = {"psnr": "dB"}
"""Of metrics that have one."""
SYMBOLS = {"better": "▲", "worse": "▼"}
AS_WELL = "‡"
"""Marks what is better than the reference, but not than a control or an answer without training."""


@dataclass(frozen=True)
class Answer:
    """What one table says of one loss on one axis."""

    paper: str
    task: str
    """Short name of the table."""
    reference: str
    loss: str
    kind: str
    """`loss`, `control` or `again`."""
    axis: str
    """`distortion` or `perception`."""
    metric: str
    better: str = "up"
    """Where the metric's better end is, `up` or `down`."""
    difference: float | None = None
    """To the reference, in the metric's unit; mean over networks and columns."""
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    """The difference that such runs show in four of five cases; None where the noise of seeds is not known."""
    tested: bool = False
    """Whether its interval covers other seeds, so that it may have a direction."""
    direction: str = ""
    """`better` or `worse` beyond the noise, else empty."""
    as_well: tuple[str, ...] = ()
    """Controls and answers without training that it does not beat."""
    controlled: bool = False
    """Whether every control of its table was held against it."""


@dataclass(frozen=True)
class Figure:
    """One axis of a cell, as it is printed."""

    text: str
    interval: str = ""
    direction: str = ""
    symbol: str = ""
    as_well: str = ""
    """Names of what does as well; empty where nothing does, or nothing is better."""
    why: str = ""
    """Why there is no number."""


@dataclass(frozen=True)
class Column:
    """One table as a column of the matrix."""

    anchor: str
    task: str
    table: str
    reference: str
    heads: list[tuple[str, str]]
    """Axis and metric with its unit and arrow, of the axes that the table has."""
    note: str
    """Why it has no directions; empty where it may have some."""


@dataclass(frozen=True)
class Row:
    """One loss: by column the figures of its axes and the cost of a step; None where a table does not have it."""

    loss: str
    cells: list[tuple[list[Figure], str] | None]


@dataclass(frozen=True)
class Matrix:
    """The answers of all tables of a paper."""

    paper: str
    references: list[str]
    columns: list[Column]
    losses: list[Row]
    controls: list[Row]
    again: list[Row]
    """The reference losses against themselves: what noise looks like."""

    @property
    def matched(self) -> list[str]:
        """Return in words where a control or an answer without training does as well as a better loss."""
        return [
            f"{row.loss} in {axis} ({column.task}): {figure.as_well}"
            for row in self.losses
            for column, cell in zip(self.columns, row.cells, strict=True)
            for (axis, _), figure in zip(column.heads, cell[0] if cell else (), strict=cell is not None)
            if figure.as_well
        ]


def anchor(table: Table) -> str:
    """Return the id of a table's section of the page."""
    return re.sub(r"\W+", "-", table.name)


def short(table: Table) -> str:
    """Return the name of a table without its paper, as people write it."""
    return re.sub(r"(?<=[a-z])(?=\d)", " ", table.spec.table).replace("_", " ").capitalize()


def tasks(tables: Sequence[Table]) -> dict[str, str]:
    """Return by the name of each table its title without what stands in brackets at its end, each another."""
    bare = {table.name: re.sub(r"\s*\([^()]*\)$", "", table.spec.title) or table.spec.title for table in tables}
    titles = list(bare.values())
    return {
        table.name: title if titles.count(title) == 1 else f"{title}, {short(table).lower()}"
        for table, title in ((table, bare[table.name]) for table in tables)
    }


def answers(tables: Sequence[Table], withheld: Mapping[str, str]) -> list[Answer]:
    """Return what every table says of each of its losses; no directions where the table's verdicts are withheld."""
    names = tasks(tables)
    return [answer for table in tables for answer in _answers(table, names[table.name], bool(withheld[table.name]))]


def _answers(table: Table, task: str, withheld: bool) -> Iterator[Answer]:
    spec = table.spec
    compared = {(row.get("axis"), row.get("loss")) for row in table.summary}
    for row in table.summary:
        controlled = bool(spec.controls) and all((row["axis"], name) in compared for name in spec.controls)
        yield Answer(
            paper=spec.paper,
            task=task,
            reference=spec.reference_loss,
            loss=row["loss"],
            kind=kind(table, row["loss"]),
            axis=row["axis"],
            metric=row["metric"],
            better=row["better"],
            difference=real(row.get("difference")),
            low=real(row.get("low")),
            high=real(row.get("high")),
            detectable=real(row.get("detectable")),
            tested=row.get("p_value") is not None and not withheld,
            direction="" if withheld else row.get("direction") or "",
            as_well=() if withheld else tuple(row.get("as_well") or ()),
            controlled=controlled,
        )


def matrices(tables: Sequence[Table], withheld: Mapping[str, str]) -> list[Matrix]:
    """Return one matrix a paper, of its tables that measure distortion or perception."""
    found = answers(tables, withheld)
    names = tasks(tables)
    measuring = [table for table in tables if any(answer.task == names[table.name] for answer in found)]
    made = []
    for paper in dict.fromkeys(table.spec.paper for table in measuring):
        own = [table for table in measuring if table.spec.paper == paper]
        made.append(_matrix(paper, own, names, [answer for answer in found if answer.paper == paper], withheld))
    return made


def _matrix(
    paper: str, tables: Sequence[Table], names: Mapping[str, str], found: Sequence[Answer], withheld: Mapping[str, str]
) -> Matrix:
    columns, cells = list[Column](), list[dict[str, tuple[list[Figure], str]]]()
    for table in tables:
        here = [answer for answer in found if answer.task == names[table.name]]
        columns.append(_column(table, names[table.name], here, withheld[table.name]))
        cells.append(_cells(table, here, [axis for axis, _ in columns[-1].heads]))
    kinds = {"loss": list[Row](), "control": list[Row](), "again": list[Row]()}
    for loss in dict.fromkeys(loss for table in tables for loss in table.spec.losses):
        # in one table a control may be what another puts to the test
        roles = {kind(table, loss) for table in tables if loss in table.spec.losses}
        role = next((name for name in kinds if name in roles), "")
        if role:
            kinds[role].append(Row(loss, [column.get(loss) for column in cells]))
    references = list(dict.fromkeys(table.spec.reference_loss for table in tables))
    return Matrix(paper.replace("_", " "), references, columns, kinds["loss"], kinds["control"], kinds["again"])


def _column(table: Table, task: str, found: Sequence[Answer], withheld: str) -> Column:
    metrics = {answer.axis: f"{named(answer.metric)} {ARROWS[answer.better]}" for answer in found}
    heads = [(axis, metrics[axis]) for axis in AXES if axis in metrics]
    note = "withheld" if withheld else "" if any(answer.tested for answer in found) else "one run: no direction"
    return Column(anchor(table), task, short(table), table.spec.reference_loss, heads, note)


def _cells(table: Table, found: Sequence[Answer], axes: Iterable[str]) -> dict[str, tuple[list[Figure], str]]:
    """Return by loss what stands in the table's column."""
    by_place = {(answer.loss, answer.axis): answer for answer in found}
    digits = {axis: telling(*(answer.difference for answer in found if answer.axis == axis)) for axis in axes}
    factors = step_factors(table)
    cells = {}
    for loss in table.spec.losses:
        if loss == table.spec.reference_loss:
            figures = [Figure("reference") for _ in digits]
        else:
            figures = [_figure(by_place.get((loss, axis)), places) for axis, places in digits.items()]
        cells[loss] = figures, f"{factors[loss]:.1f} ×" if loss in factors else DASH
    return cells


def _figure(answer: Answer | None, digits: int) -> Figure:
    if answer is None:
        return Figure("missing", why="no runs of this loss and its reference that can be compared")
    return Figure(
        signed(answer.difference, digits),
        interval(answer.low, answer.high, digits),
        answer.direction,
        SYMBOLS.get(answer.direction, ""),
        ", ".join(answer.as_well),
    )


def named(metric: str) -> str:
    """Return a metric with its unit."""
    return f"{metric.upper()}, {UNITS[metric]}" if metric in UNITS else metric.upper()
