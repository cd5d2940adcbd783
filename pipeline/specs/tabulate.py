"""What one table depends on: its cells, the published numbers and the words printed with it."""

from itertools import chain
from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from lossbench.records import Strict

CLASSIFICATION = "classification"
"""The task of a cell that is a classifier."""

TRIVIAL = "trivial"
"""Stands for the network of a task's trivial answer, and names the column of the one to beat."""


class Place(Strict):
    """Where numbers of a table stand."""

    column: str
    network: str
    loss: str


class PublishedValue(Place):
    """One printed number of a paper."""

    metric: str
    value: float
    step: float = 0.0
    """Of the last printed digit."""
    warning: str = ""
    """Why the number is doubtful; empty when it is not."""


class MetricColumn(Strict):
    """One metric of a table."""

    name: str
    better: str
    """`up` or `down`."""
    protocol: str
    published: str | None = None
    """Name of the paper's metric that it stands beside, when that is another."""


class Cell(Place):
    """One trained run, or an answer without a training, whose scores enter the table."""

    task: str
    dataset: str
    test_set: str
    seed: int
    scores: str
    """Path of its scores."""
    card: str | None
    """Path of the run's card; None for what is no run: the trivial answer, and what is made of the pictures of runs."""
    only: tuple[str, ...] = ()
    """The metrics that score it, where others of its column can't; none are all."""


class TabulateSpec(Strict):
    """One published table."""

    paper: str
    table: str
    title: str
    scale: str
    columns: tuple[str, ...]
    networks: tuple[str, ...]
    losses: tuple[str, ...]
    controls: tuple[str, ...] = ()
    """Those of `losses` that the paper does not have."""
    again: str | None = None
    """The one of `losses` that is the reference loss under other seeds."""
    answers: tuple[str, ...] = ()
    """Those of `losses` that are no losses: made of the pictures of others without a training."""
    reference_loss: str
    """The loss that differences are taken to."""
    trivials: tuple[str, ...]
    """Answers without a trained network; the first is the one to beat."""
    other_trivials: dict[str, tuple[str, ...]] = {}
    """The same of columns whose task has others than the first column's."""
    server_only: dict[str, str] = {}
    """Columns that nobody but a server can score, and why."""
    metrics: tuple[MetricColumn, ...]
    cells: tuple[Cell, ...]
    noise_cells: tuple[Cell, ...] = ()
    """Further runs of the reference loss, which tell how far two runs lie apart and enter no mean."""
    blank: tuple[tuple[str, str], ...] = ()
    """Columns and networks, a pair each, that the table has nothing of."""
    published: tuple[PublishedValue, ...]
    stand_ins: tuple[str, ...]
    """What replaces published data, weights and sizes at this scale."""
    settings: tuple[str, ...]
    """Named settings and assumptions that the table rests on, with their sources."""

    def trivials_of(self, column: str) -> tuple[str, ...]:
        """Return the answers without a trained network of a column, the one to beat first."""
        return self.other_trivials.get(column, self.trivials)

    @property
    def all_trivials(self) -> tuple[str, ...]:
        """Return the answers without a trained network of all columns."""
        return tuple(dict.fromkeys(chain(self.trivials, *self.other_trivials.values())))

    @model_serializer(mode="wrap")
    def _without_what_few_have(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name != "blank" or value}

    def trivial_column(self, name: str) -> str:
        """Return the column of the long table that has the scores of the answer `name`: one of all that are to beat."""
        to_beat = {self.trivials[0], *(names[0] for names in self.other_trivials.values())}
        return TRIVIAL if name in to_beat else f"{TRIVIAL}_{name}"
