"""config/scale/<scale>.yaml: how big, on which data, how many seeds."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from lossbench.errors import UserError, nearest
from lossbench.records import Strict, refuse_twice
from lossbench.video.clips import SCORED_FRAMES
from lossbench.weights.released import public
from pipeline.config.losses import Loss
from pipeline.outputs.layout import FILES
from pipeline.specs.classifier import ClassifierBase
from pipeline.specs.distance import DistanceAttackSpec
from pipeline.specs.pretrain import PublicWeights
from pipeline.specs.recipe import Recipe
from pipeline.specs.tabulate import TRIVIAL

SEEDS = 2**32
"""Seeds are below it."""
Seed = Annotated[int, Field(strict=True, ge=0, lt=SEEDS)]


class Network(Strict):
    """A restoration network at one scale."""

    network: str | None = None
    """File of lossbench/networks when the entry's name is another, so that a table can hold one network under several
    settings. What such an entry leaves out is as in the entry of the file's own name, where the scale has that."""
    arguments: dict[str, Any] = {}
    arguments_per_task: dict[str, dict[str, Any]] = {}
    """Arguments that differ for a task."""
    recipe: Recipe
    per_task: dict[str, dict[str, Any]] = {}
    """Recipe entries that differ for a task; no patch may be below the network's LEAST_PATCH."""
    initial: str | None = None
    """A name of `networks` that it is built on: that one is trained before, under the table's reference loss."""
    start: str | None = None
    """What its trainings begin from in place of random weights: the name of a loss, whose run of the same cell and seed
    is trained before and itself begins from random weights, or a file of the same network, such as the
    `model.safetensors` of a training."""
    start_per_task: dict[str, str | None] = {}
    """Another start for a task; null is random weights."""
    gpus: PositiveInt | None = None
    """GPUs that share its batch where they are fewer than the scale's, such as 1 for a batch that can't be divided."""
    accumulate: PositiveInt = 1
    """Parts of the batch that follow one another, for GPUs too small for the whole; it changes no result."""
    own_loss: bool = False
    """Whether the network's own training loss, its file's OWN_LOSS, replaces the pixel term."""
    source: str
    """Where the recipe comes from."""


class Weights(PublicWeights):
    """A public weight file and all that a user must know to get it."""

    bytes: PositiveInt | None
    """None where its size is not published."""
    licence: str
    where: str


def known_weights(value: Any) -> Any:
    """Return what the package knows of the public file `value`, where that is a name; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        known = public(value)
    except UserError as error:
        raise ValueError(str(error)) from None
    values = {"file": known.file, "digest": known.digest, "licence": known.licence, "where": known.url}
    return {**values, "bytes": known.size}


class ForTask(Strict):
    """What differs when a loss network is trained on the ground truth of one task."""

    architecture: dict[str, Any] = {}
    recipe: dict[str, Any] = {}


class Judgements(Strict):
    """How the heads of a distance are trained on judgements of which of two pictures is nearer to a third."""

    trunk: str
    """A name of `loss_networks`, whose features are weighed."""
    attack: DistanceAttackSpec | None = None
    """What the pictures are attacked by; None trains on clean ones."""
    initial: str | None = None
    """A name of `loss_networks` whose heads the training starts from."""
    released: str | None = None
    """A name of `loss_networks` of kind lpips, scored on the same judgements for comparison."""
    held_out: PositiveInt
    """Judgements of each validation set that the heads are scored on."""


class LossNetwork(Strict):
    """A loss network at one scale: trained here, imported, or the trunk of a classifier."""

    network: str
    """File of lossbench/loss_networks."""
    architecture: dict[str, Any] = {}
    dataset: str | None = None
    """Published data set to pre-train on; `task` is the ground truth of the task; None for imported weights."""
    recipe: Recipe | None = None
    gpus: PositiveInt | None = None
    """Of one that is pre-trained: GPUs that share its batch, as a network's."""
    accumulate: PositiveInt = 1
    """Of one that is pre-trained: parts of the batch that follow one another, as a network's."""
    weights: Weights | None = None
    """A public file: its name in lossbench/assets/released_weights.toml, or all that there is to know of it."""
    classifier: str | None = None
    """A name of `classifiers`, whose trunk it is, filters scaled to a mean activation of 1."""
    judgements: Judgements | None = None
    """For a distance, which is trained on judgements and not on reconstruction."""
    per_task: dict[str, ForTask] = {}
    """Only for those trained on the ground truth of the task."""
    stand_in: str = ""
    """What it stands in for, when it does."""
    source: str

    _known = field_validator("weights", mode="before", json_schema_input_type=str | Weights | None)(known_weights)

    @model_validator(mode="after")
    def _one_origin(self) -> LossNetwork:
        trained = self.recipe is not None and self.dataset is not None
        origins = [trained, self.weights is not None, self.classifier is not None]
        if sum(origins) != 1 or (self.recipe is None) != (self.dataset is None):
            raise ValueError("give either dataset and recipe, or weights, or classifier")
        if self.judgements is not None and (not trained or self.dataset == "task"):
            raise ValueError("judgements need a recipe and a dataset of their own")
        if (self.accumulate > 1 or self.gpus) and (not trained or self.judgements is not None):
            raise ValueError("gpus and accumulate are for what is pre-trained by reconstruction; leave them out")
        return self


class Classifier(ClassifierBase):
    """A classifier at one scale: trained here or from elsewhere."""

    trunk: str | None = None
    """A name of `loss_networks` that the training starts from."""
    classifier: str | None = None
    """A name of `classifiers` that the training starts from; with neither it starts from random weights."""
    dataset: str
    """Published data set of labelled pictures."""
    weights: Weights | None = None
    """A public file: its name in lossbench/assets/released_weights.toml, or all that there is to know of it."""
    stand_in: str = ""
    """What it stands in for, when it does."""
    source: str

    _known = field_validator("weights", mode="before", json_schema_input_type=str | Weights | None)(known_weights)

    @model_validator(mode="after")
    def _one_start(self) -> Classifier:
        if self.trunk is not None and self.classifier is not None:
            raise ValueError("a classifier starts from a trunk or from a classifier, not from both")
        return self


class Metric(Strict):
    """What stands at one scale for a metric of the tables."""

    name: str
    file: str | None = None
    loss_network: str | None = None
    stand_in: str
    """What it is, in words."""


class ClipEvaluation(Strict):
    """How clips are scored, and what is kept of them."""

    frames: PositiveInt = SCORED_FRAMES
    """Frames of a clip that are scored at most, the first ones; the papers score 85."""
    per_task: dict[str, PositiveInt] = {}
    """Named tasks that score others."""
    keep_frames: NonNegativeInt = 16
    """Restored frames of each clip that are kept to look at, the first ones, under the first seed."""
    keep_sigma: PositiveFloat = 30.0
    """The noise level, in 8-bit levels, of those."""
    chunk: PositiveInt = 16
    """Frames that a network of whole clips is given at once."""
    overlap: NonNegativeInt = 4
    """Frames that two such parts share, fewer than one has."""

    @model_validator(mode="after")
    def _each_part_advances(self) -> ClipEvaluation:
        if self.overlap >= self.chunk:
            raise ValueError(f"overlap: {self.overlap} frames of a chunk of {self.chunk}; give fewer")
        return self


class Evaluation(Strict):
    """What evaluation keeps and how it restores."""

    samples: Annotated[int, Field(ge=2)] | None = None
    """Pictures that an auto-encoder makes at this scale, where they are fewer than a table asks for."""
    keep_pictures: NonNegativeInt = Field(6)
    tile: PositiveInt | None = None
    crop: PositiveInt = 96
    clips: ClipEvaluation = ClipEvaluation()


class Scale(Strict):
    """config/scale/<scale>.yaml: how big, on which data, how many seeds."""

    extends: str | None = None
    """Another scale, whose file is read first: mappings are merged entry by entry, anything else replaces."""
    title: str
    tables: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Its tables, in place of those of config.yaml; a command line's stand before both."""
    seeds: tuple[Seed, ...] = Field(min_length=1)
    """Of the trainings, whole numbers from 0, each once."""
    noise_seeds: tuple[Seed, ...] = ()
    """Of further trainings of every table's reference loss alone: how far they lie apart is how far two runs of one
    recipe do (the noise floor), which enters every interval of their network and column. For few `seeds`."""
    table_seeds: dict[str, Annotated[tuple[Seed, ...], Field(min_length=1)]] = {}
    """Other seeds for the trainings of a table, which then has no `noise_seeds`."""
    full: bool = False
    """Whether data, networks and recipes are the papers': only then are values compared, and not differences alone."""
    control_tables: tuple[str, ...] | None = None
    """Tables whose controls are trained; None is all of them."""
    absent_controls: tuple[str, ...] = ()
    """Controls that are trained for no table."""
    gpus: NonNegativeInt
    """GPUs that the training of a network or of a loss network asks for and shares its batch among; other jobs ask for
    one of them at most. 0 lets jobs share the CPU cores. It changes no result."""
    memory_mb: dict[str, PositiveInt] = {}
    """Main memory in MB that a job of a stage asks for, where it is more or less than small pictures take."""
    stand_ins: dict[str, tuple[str, ...]] = {}
    """The published data sets that each stand-in stands for; one that is not named stands for itself."""
    absent: tuple[str, ...] = ()
    """Published data sets that this scale does not have."""
    data_folders: dict[str, str] = {}
    """Folders of data sets that do not lie in the data root, each by its file of lossbench/datasets."""
    networks: dict[str, Network]
    classifiers: dict[str, Classifier] = {}
    loss_networks: dict[str, LossNetwork]
    losses: dict[str, Loss] = {}
    """What differs from config/losses.yaml, and losses that this scale alone has."""
    metrics: dict[str, Metric | None] = {}
    """What replaces a metric that can't be had at this scale; None leaves it out."""
    evaluation: Evaluation

    @model_validator(mode="after")
    def _each_seed_once(self) -> Scale:
        refuse_twice("tables", self.tables or ())
        refuse_twice("seeds", self.seeds)
        refuse_twice("noise_seeds", self.noise_seeds)
        refuse_twice("seeds and noise_seeds", (*self.seeds, *self.noise_seeds))
        for table, seeds in self.table_seeds.items():
            refuse_twice(f"table_seeds.{table}", seeds)
        return self

    @field_validator("networks")
    @classmethod
    def _named_as_folders(cls, networks: dict[str, Network]) -> dict[str, Network]:
        for name in networks:
            # one from outside may be its own name
            if not re.fullmatch(r"\w[\w.-]*(:\w+)?", name) or name == TRIVIAL:
                raise ValueError(f"'{name}' can't be a network's name; write another, of letters, digits, _, - and .")
        return networks

    @field_validator("memory_mb")
    @classmethod
    def _of_stages(cls, memory: dict[str, int]) -> dict[str, int]:
        for stage in memory:
            if stage not in FILES:
                raise ValueError(f"no stage '{stage}'; {nearest(stage, FILES)}")
        return memory

    @model_validator(mode="after")
    def _each_data_set_once(self) -> Scale:
        counts = Counter(name for names in (*self.stand_ins.values(), self.absent) for name in names)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise ValueError(f"stand_ins and absent name {', '.join(twice)} more than once; keep one place")
        return self

    def seeds_of(self, table: str) -> tuple[int, ...]:
        """Return the seeds of the trainings of `paper/table`."""
        return self.table_seeds.get(table, self.seeds)

    def stand_in(self, dataset: str) -> str | None:
        """Return what stands for the published data set `dataset`; None where it stands for itself."""
        return next((ours for ours, published in self.stand_ins.items() if dataset in published), None)
