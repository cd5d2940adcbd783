"""The configuration files: what is reproduced (config.yaml, tables) and how big (scales)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from pipeline.specs._base import Strict
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TaskSpec


class Config(Strict):
    """config/config.yaml."""

    scale: str
    """A file of config/scale."""
    tables: tuple[str, ...]
    """Files of config/tables, as `paper/table`."""
    data_root: str
    """Folder in which the user keeps published data sets, one folder each."""
    weights_root: str
    """Folder in which the user keeps public weight files."""
    tasks: dict[str, TaskSpec]
    """Named tasks: a task file with its settings."""
    threads: PositiveInt
    """CPU threads a job."""
    checkpoint_minutes: PositiveFloat
    """Time between two checkpoints of a run."""


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
    server_only: str = ""
    """Why nobody but a server can score it: a submission is written instead, where the scale has the test set."""

    def by_test_set(self) -> list[Column]:
        """Return the column once a test set, each with that one alone."""
        return [self.model_copy(update={"test_set": test_set, "also": ()}) for test_set in (self.test_set, *self.also)]


class Metric(Strict):
    """One metric of a table and its protocol."""

    file: str | None = None
    """File of pipeline/metrics when the published column's name is another."""
    colour: Literal["rgb", "y601", "y601_rounded", "gray"]
    crop: NonNegativeInt | dict[str, NonNegativeInt]
    """Border left out, in target pixels; a mapping gives one a column."""
    rounding: bool = True
    loss_network: str | None = None
    """A name of `loss_networks` in the scale, for a metric that rests on a trained network."""
    source: str
    """Why this protocol."""


class Warning(Strict):
    """A published number that facts make doubtful."""

    column: str
    network: str
    loss: str
    metric: str
    reason: str


class Table(Strict):
    """config/tables/<paper>/<table>.yaml."""

    title: str
    columns: dict[str, Column]
    networks: tuple[str, ...]
    losses: tuple[str, ...]
    reference_loss: str
    controls: tuple[str, ...] = ()
    """Losses of further rows that the paper does not have; after reading, those that the scale trains."""
    pixel: Literal["l1", "l2", "charbonnier"]
    """The restoration networks' own loss, and the norm of the feature terms."""
    metrics: dict[str, Metric]
    published_runs: PositiveInt = 1
    """Trainings behind each published number."""
    settings: tuple[str, ...]
    """Assumptions where the paper leaves a choice, with their sources; printed with the table."""
    warnings: tuple[Warning, ...] = ()


class Data(Strict):
    """What stands at this scale for a published data set."""

    dataset: str
    stand_in: bool


class NetworkAtScale(Strict):
    """A restoration network at one scale."""

    arguments: dict[str, Any] = {}
    recipe: Recipe
    per_task: dict[str, dict[str, Any]] = {}
    """Recipe entries that differ for a task."""
    own_loss: bool = False
    """Whether the network's own training loss, its file's OWN_LOSS, replaces the pixel term."""
    source: str
    """Where the recipe comes from."""


class WeightsAtScale(Strict):
    """A public weight file and all that a user must know to get it."""

    file: str
    digest: str
    """`sha256:` or `md5:` and the full digest or its published leading digits."""
    bytes: PositiveInt
    licence: str
    where: str


class LossNetworkForTask(Strict):
    """What differs when a loss network is trained on the ground truth of one task."""

    architecture: dict[str, Any] = {}
    recipe: dict[str, Any] = {}


class LossNetworkAtScale(Strict):
    """A loss network at one scale: trained here or imported."""

    network: str
    """File of pipeline/loss_networks."""
    architecture: dict[str, Any] = {}
    dataset: str | None = None
    """Published data set to pre-train on; `task` is the ground truth of the task; None for imported weights."""
    recipe: Recipe | None = None
    weights: WeightsAtScale | None = None
    per_task: dict[str, LossNetworkForTask] = {}
    """Only for those trained on the ground truth of the task."""
    stand_in: str = ""
    """What it stands in for, when it does."""
    source: str

    @model_validator(mode="after")
    def _one_origin(self) -> LossNetworkAtScale:
        trained = self.recipe is not None and self.dataset is not None
        if trained == (self.weights is not None) or (self.recipe is None) != (self.dataset is None):
            raise ValueError("give either dataset and recipe, or weights")
        return self


class LossAtScale(Strict):
    """A loss at one scale."""

    loss: str | None = None
    """File of pipeline/losses when the entry's name is another, so that a table can hold variants of one loss."""
    loss_network: str | None = None
    """A name of `loss_networks`."""
    arguments: dict[str, Any] = {}
    per_task: dict[str, dict[str, Any]] = {}
    """Arguments that differ for a task."""
    as_long_as: str | None = None
    """A name of `losses`, as long as whose run this one takes: it gets as many more steps as fit in."""
    source: str = ""


class EvaluationAtScale(Strict):
    """What evaluation keeps and how it restores."""

    keep_pictures: NonNegativeInt = Field(6)
    tile: PositiveInt | None = None
    crop: PositiveInt = 96


class Scale(Strict):
    """config/scale/<scale>.yaml: how big, on which data, how many seeds."""

    title: str
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    full: bool = False
    """Whether data, networks and recipes are the papers': only then are values compared, and not differences alone."""
    control_tables: tuple[str, ...] | None = None
    """Tables whose controls are trained; None is all of them."""
    gpus: NonNegativeInt
    """GPUs a job asks for; 0 lets jobs share the CPU cores."""
    data: dict[str, Data]
    networks: dict[str, NetworkAtScale]
    loss_networks: dict[str, LossNetworkAtScale]
    losses: dict[str, LossAtScale]
    evaluation: EvaluationAtScale
