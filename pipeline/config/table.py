"""config/tables/<paper>/<table>.yaml: which cells and metrics a published table has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from lossbench.colours import Colour
from lossbench.records import Strict, refuse_twice
from pipeline.specs.evaluate import Made
from pipeline.specs.figure import METRICS, Figure
from pipeline.specs.tabulate import Place


class TestSet(Strict):
    """Where a column is scored."""

    dataset: str
    split: Literal["train", "val", "test"] = "test"


class Column(Strict):
    """One column of a table: a task on a data set."""

    task: str
    dataset: str
    test_set: TestSet
    also: tuple[TestSet, ...] = ()
    """Further test sets: the column is the mean over all sets of their means."""
    optional: bool = False
    """Whether a scale whose data have no such test set leaves the column out."""
    networks: tuple[str, ...] = ()
    """Networks of the table that it is of; none are all."""
    server_only: str = ""
    """Why nobody but a server can score it: a submission is written instead, where the scale has the test set."""

    def of(self, networks: Iterable[str]) -> tuple[str, ...]:
        """Return those of `networks` that are trained for it."""
        return tuple(network for network in networks if not self.networks or network in self.networks)

    def by_test_set(self) -> list[Column]:
        """Return the column once a test set, each with that one alone."""
        return [self.model_copy(update={"test_set": test_set, "also": ()}) for test_set in (self.test_set, *self.also)]


class Metric(Strict):
    """One metric of a table and its protocol."""

    file: str | None = None
    """File of lossbench/metrics when the metric's name is another; or a metric from outside, `package.module:Name` or
    what an installed package offers."""
    published: str | None = None
    """Name of the paper's column that it stands beside, when the metric's is another."""
    columns: tuple[str, ...] = ()
    """Columns of the table that it is taken in; none are all."""
    colour: Colour = "rgb"
    crop: NonNegativeInt | dict[str, NonNegativeInt] = 0
    """Border left out, in target pixels; a mapping gives one a column."""
    rounding: bool = True
    loss_network: str | None = None
    """A name of `loss_networks` in the scale, for a metric that rests on a trained network."""
    classifier: str | None = None
    """A name of `classifiers` in the scale, for a metric that rests on one."""
    sigmas: tuple[PositiveFloat, ...] = ()
    """Of clips with noise: the levels whose scores' mean it is, in 8-bit levels; none are all of the task."""
    frames: PositiveInt | None = None
    """Of clips: the first frames that it is taken of; None takes all that are scored."""
    source: str
    """Why this protocol."""

    def of(self, column: str) -> bool:
        """Return whether it is taken in `column`."""
        return not self.columns or column in self.columns


class Answer(Strict):
    """An answer that costs no training: a further row, which a loss must beat to be worth its cost."""

    make: Made
    """How it is made: one loss's restored pictures `sharpened`, the `mean` of those of several, or `ground_truth`,
    which only metrics score that do without one."""
    of: tuple[str, ...] = ()
    """Losses of the table whose restored pictures it is made of; a table without one of them has no such row."""

    @model_validator(mode="after")
    def _of_as_many_as_it_takes(self) -> Answer:
        refuse_twice("of", self.of)
        fits = {"sharpened": len(self.of) == 1, "mean": len(self.of) > 1, "ground_truth": not self.of}
        if not fits[self.make]:
            takes = {"sharpened": "one loss", "mean": "two losses or more", "ground_truth": "no loss"}[self.make]
            raise ValueError(f"of: {self.make} is made of {takes}, not of {', '.join(self.of) or 'none'}")
        return self


class Warning(Place):
    """A published number that facts make doubtful."""

    metric: str
    reason: str


class Table(Strict):
    """config/tables/<paper>/<table>.yaml."""

    title: str
    compares: Literal["restorations", "classifiers", "generators"] = "restorations"
    """What its rows are: restoration networks under losses, the scale's classifiers `<loss>_<network>`, or
    auto-encoders under losses."""
    columns: dict[str, Column]
    networks: tuple[str, ...]
    losses: tuple[str, ...]
    reference_loss: str
    controls: tuple[str, ...] = ()
    """Losses of further rows that the paper does not have; after reading, those that the scale trains."""
    again: str | None = None
    """A loss that is the reference loss under other seeds, a last row: an A/A test."""
    answers: dict[str, Answer] = {}
    """Further rows by name that cost no training; after reading, their names stand among the losses."""
    pixel: Literal["l1", "l2", "charbonnier"] = "l1"
    """The restoration networks' own loss, and the norm of the feature terms; losses with a pixel term of their own
    take no other."""
    chart: str | None = None
    """For a figure of the paper: the loss that is a dashed line among the bars of the others."""
    figure: Figure | None = None
    """For one of another kind, what it shows of the table's runs."""
    samples: Annotated[int, Field(ge=2)] = 10_000
    """Of auto-encoders: pictures that are made for a metric of sets, at most; a scale may have fewer."""
    metrics: dict[str, Metric]
    published_runs: PositiveInt = 1
    """Trainings behind each published number."""
    settings: tuple[str, ...]
    """Assumptions where the paper leaves a choice, with their sources; printed with the table."""
    warnings: tuple[Warning, ...] = ()

    def names(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Give the entries that name what the table has: entry, name, and those that there are."""
        yield "reference_loss", self.reference_loss, self.losses
        if self.chart is not None:
            yield "chart", self.chart, self.losses
        for label, column in self.columns.items():
            yield from ((f"columns.{label}.networks", network, self.networks) for network in column.networks)
        if self.figure is not None:
            yield from (("figure", loss, self.losses) for loss in self.figure.named())
            for entry in METRICS:
                if metric := getattr(self.figure, entry):
                    yield f"figure.{entry}", metric, self.metrics
            for drawn, other in self.figure.chosen_on.items():
                yield from (("figure.chosen_on", column, self.columns) for column in (drawn, other))

    @model_validator(mode="after")
    def _each_once(self) -> Table:
        rows = (*self.losses, *self.controls, *([self.again] if self.again else []))
        for entry, names in (("networks", self.networks), ("losses and controls", rows)):
            refuse_twice(entry, names)
        refuse_twice("losses, controls and answers", (*rows, *self.answers))
        return self

    @model_validator(mode="after")
    def _answers_of_restorations(self) -> Table:
        if self.answers and self.compares != "restorations":
            raise ValueError(f"answers: {self.compares} restore no pictures; leave the entry out")
        return self
