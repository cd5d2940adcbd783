"""config/tables/<paper>/<table>.yaml: which cells and metrics a published table has."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt, model_validator

from lossbench.colours import Colour
from lossbench.records import Strict, refuse_twice
from pipeline.config.scale import Scale
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
    server_only: str = ""
    """Why nobody but a server can score it: a submission is written instead, where the scale has the test set."""

    def by_test_set(self) -> list[Column]:
        """Return the column once a test set, each with that one alone."""
        return [self.model_copy(update={"test_set": test_set, "also": ()}) for test_set in (self.test_set, *self.also)]


class Metric(Strict):
    """One metric of a table and its protocol."""

    file: str | None = None
    """File of lossbench/metrics when the metric's name is another."""
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
    source: str
    """Why this protocol."""

    def of(self, column: str) -> bool:
        """Return whether it is taken in `column`."""
        return not self.columns or column in self.columns


class Warning(Place):
    """A published number that facts make doubtful."""

    metric: str
    reason: str


class Table(Strict):
    """config/tables/<paper>/<table>.yaml."""

    title: str
    compares: Literal["restorations", "classifiers"] = "restorations"
    """What its rows are: restoration networks under losses, or the scale's classifiers `<loss>_<network>`."""
    columns: dict[str, Column]
    networks: tuple[str, ...]
    losses: tuple[str, ...]
    reference_loss: str
    controls: tuple[str, ...] = ()
    """Losses of further rows that the paper does not have; after reading, those that the scale trains."""
    pixel: Literal["l1", "l2", "charbonnier"] = "l1"
    """The restoration networks' own loss, and the norm of the feature terms; losses with a pixel term of their own
    take no other."""
    chart: str | None = None
    """For a figure of the paper: the loss that is a dashed line among the bars of the others."""
    metrics: dict[str, Metric]
    published_runs: PositiveInt = 1
    """Trainings behind each published number."""
    settings: tuple[str, ...]
    """Assumptions where the paper leaves a choice, with their sources; printed with the table."""
    warnings: tuple[Warning, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Table:
        for entry, names in (("networks", self.networks), ("losses and controls", (*self.losses, *self.controls))):
            refuse_twice(entry, names)
        return self


def at_scale(name: str, table: Table, scale: Scale) -> Table:
    """Return `table`, which is called `name`, as the scale has it.

    Its control rows are the last, where they are trained; columns without data are left out, and metrics that can't be
    had replaced.
    """
    table = _with_controls(name, table, scale)
    columns = {
        label: column
        for label, column in table.columns.items()
        if not column.optional or column.test_set.dataset not in scale.absent
    }
    metrics: dict[str, Metric] = {}
    for key, metric in table.metrics.items():
        if not any(metric.of(label) for label in columns):
            continue
        if key not in scale.metrics:
            metrics[key] = metric
        elif (other := scale.metrics[key]) is not None:
            changes = {"file": other.file or metric.file or key, "loss_network": other.loss_network}
            changes |= {"published": metric.published or key, "source": f"{other.stand_in}; {metric.source}"}
            metrics[other.name] = metric.model_copy(update=changes)
    return table.model_copy(update={"columns": columns, "metrics": metrics})


def _with_controls(name: str, table: Table, scale: Scale) -> Table:
    """Return the table with its control rows last; without them, and saying so, where the scale does not train them."""
    here = scale.control_tables is None or name in scale.control_tables
    kept = tuple(control for control in table.controls if here and control not in scale.absent_controls)
    absent = ", ".join(control for control in table.controls if control not in kept)
    settings = (*table.settings, f"control rows {absent}: not trained at this scale") if absent else table.settings
    return table.model_copy(update={"losses": (*table.losses, *kept), "controls": kept, "settings": settings})
