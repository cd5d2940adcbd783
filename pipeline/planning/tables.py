"""The job that makes a table, with its cells and the published numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from lossbench import plugins
from lossbench.assets import pyiqa_models
from lossbench.errors import UserError, nearest
from lossbench.losses import split
from pipeline.clips.planning import check_kinds, for_table, task_of
from pipeline.config.read import Configuration
from pipeline.config.table import Column, Table
from pipeline.planning.job import File, Job
from pipeline.planning.loss_networks import classifier
from pipeline.planning.parts import needs_target
from pipeline.planning.runs import trained
from pipeline.planning.scores import answered, compared, evaluated, generated, samples_of, submitted
from pipeline.planning.words import packaged, protocol, settings, stand_ins
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.generate import OF_PICTURES
from pipeline.specs.tabulate import CLASSIFICATION, TRIVIAL, Cell, MetricColumn, PublishedValue, TabulateSpec

CHANCE = "chance"
"""The trivial answer of a classifier: one of the classes, drawn at random."""
READ = ("scores", "cards", "pictures", "submissions")
"""Kinds of files that a table is made of."""


@dataclass
class _Parts:
    """What a table is put together from: its cells, and the files that they name or that lie beside them."""

    cells: list[Cell] = field(default_factory=list)
    noise_cells: list[Cell] = field(default_factory=list)
    reads: dict[str, list[File]] = field(default_factory=lambda: {name: [] for name in READ})

    def add(
        self,
        label: str,
        place: dict[str, str],
        scores: File,
        card: File | None,
        only: tuple[str, ...] = (),
        noise: bool = False,
    ) -> None:
        """Add the cell of the column `label` that `place` names, of a run that is compared or that tells of noise.

        `only` some of the table's metrics may score it.
        """
        values = {**place, "column": label, "scores": scores.path, "card": card.path if card else None, "only": only}
        (self.noise_cells if noise else self.cells).append(Cell.model_validate(values))
        # cells may share one
        if all(scores.path != other.path for other in self.reads["scores"]):
            self.reads["scores"].append(scores)
        self.reads["cards"] += [card] if card else []


def tabulated(configuration: Configuration, name: str) -> Job:
    """Return the making of the table `paper/table`; raises UserError for a name that nothing is known of."""
    configuration = for_table(configuration, name)
    table = _with_answers(configuration, name)
    trivials = {label: _trivials(configuration, table, column) for label, column in table.columns.items()}
    usual = next(iter(trivials.values()))
    parts = _Parts()
    for label, column in table.columns.items():
        if table.compares == "classifiers":
            _add_classifiers(configuration, table, label, column, parts)
        elif table.compares == "generators":
            _add_generators(configuration, name, table, label, column, trivials[label], parts)
        else:
            _add_restorations(configuration, name, table, label, column, trivials[label], parts)
    paper, short = name.split("/")
    spec = TabulateSpec(
        paper=paper,
        table=short,
        title=table.title,
        scale=configuration.config.scale,
        columns=tuple(table.columns),
        networks=table.networks,
        losses=table.losses,
        controls=table.controls,
        again=table.again,
        answers=_answers(table),
        reference_loss=table.reference_loss,
        trivials=usual,
        other_trivials={label: own for label, own in trivials.items() if own != usual},
        server_only={label: column.server_only for label, column in table.columns.items() if column.server_only},
        metrics=tuple(_metric_columns(configuration, table)),
        cells=tuple(parts.cells),
        blank=_blank(table),
        noise_cells=tuple(parts.noise_cells),
        published=tuple(_published(configuration, paper, short, table)),
        stand_ins=tuple(stand_ins(configuration, table)),
        settings=(*table.settings, *settings(configuration, table)),
    )
    return Job(configuration.root, "tabulate", (paper, short), spec, ("pipeline.tabulate",), parts.reads)


def _blank(table: Table) -> tuple[tuple[str, str], ...]:
    every = product(table.columns.items(), table.networks)
    return tuple((label, network) for (label, column), network in every if network not in column.of(table.networks))


def _trivials(configuration: Configuration, table: Table, column: Column) -> tuple[str, ...]:
    if table.compares == "classifiers":
        return (CHANCE,)
    # a task's module may import heavy libraries, so its constants are read without importing it
    task = configuration.config.tasks[column.task].name
    return (plugins.constant("tasks", task, "TRIVIAL"), *plugins.constant("tasks", task, "ALSO_TRIVIAL"))


def _add_restorations(
    configuration: Configuration,
    name: str,
    table: Table,
    label: str,
    whole: Column,
    trivials: tuple[str, ...],
    parts: _Parts,
) -> None:
    """Add every network under every loss, after the trivial answers, once a test set."""
    check_kinds(configuration, name, table, label, whole)
    _check_generation(configuration, name, table, label, whole)
    answers = _answers(table)
    if whole.server_only:
        parts.reads["submissions"] += [job.writes("submission") for job in submitted(configuration, table, whole)]
        return
    # test sets that one stand-in stands for are one
    columns = {configuration.dataset(one.test_set.dataset): one for one in reversed(whole.by_test_set())}
    for column in reversed(columns.values()):
        runs: list[Job | str] = list(trivials)
        losses = [loss for loss in table.losses if loss not in answers]
        networks = column.of(table.networks)
        for network, loss, seed in product(networks, losses, configuration.scale.seeds_of(name)):
            runs.append(trained(configuration, table, column, network, loss, seed))
        scored = [evaluated(configuration, table, label, column, run) for run in runs]
        for run, job in zip(runs, scored, strict=True):
            parts.add(label, job.wildcards, job.writes("scores"), None if isinstance(run, str) else run.writes("card"))
        for network, seed in product(networks, _noise_seeds(configuration, name)):
            run = trained(configuration, table, column, network, table.reference_loss, seed)
            job = evaluated(configuration, table, label, column, run)
            parts.add(label, job.wildcards, job.writes("scores"), run.writes("card"), noise=True)
        for answer in answers:
            _add_answer(configuration, table, label, column, answer, parts)
        for network in networks:
            if shown := compared(configuration, name, column, trivials[0], network, scored):
                parts.reads["pictures"].append(shown)


def _add_answer(
    configuration: Configuration, table: Table, label: str, column: Column, name: str, parts: _Parts
) -> None:
    """Add an answer without a training for every network and seed."""
    for network, seed in product(column.of(table.networks), configuration.scale.seeds):
        runs = [trained(configuration, table, column, network, loss, seed) for loss in table.answers[name].of]
        job = answered(configuration, table, label, column, name, runs)
        if job is None:
            return
        place = {**job.wildcards, "network": network, "seed": str(seed)}
        assert isinstance(job.spec, EvaluateSpec)
        only = () if runs else tuple(metric.name for metric in job.spec.metrics)
        parts.add(label, place, job.writes("scores"), None, only)


def _with_answers(configuration: Configuration, name: str) -> Table:
    """Return the table, without the row of a ground truth that no metric scores.

    Raises UserError for an answer that has the name of a loss, and for one of a loss that is not known.
    """
    table = configuration.tables[name]
    unscored = []
    for row, answer in table.answers.items():
        where = f"{configuration.table_files[name]}: answers.{row}"
        if row in configuration.losses:
            raise UserError(f"{where}: a loss has this name; give another one")
        for loss in answer.of:
            if loss not in configuration.losses:
                raise UserError(f"{where}.of: '{loss}' is not defined; {nearest(loss, configuration.losses)}")
        if not answer.of and all(needs_target(metric.file or one) for one, metric in table.metrics.items()):
            unscored.append(row)
    said = (f"row {row}: not made, since every metric compares with the ground truth" for row in unscored)
    losses = tuple(loss for loss in table.losses if loss not in unscored)
    return table.model_copy(update={"losses": losses, "settings": (*table.settings, *said)})


def _answers(table: Table) -> tuple[str, ...]:
    """Return the rows of the table that are made without a training."""
    return tuple(loss for loss in table.losses if loss in table.answers)


def _noise_seeds(configuration: Configuration, name: str) -> tuple[int, ...]:
    return () if name in configuration.scale.table_seeds else configuration.scale.noise_seeds


def _add_generators(
    configuration: Configuration,
    name: str,
    table: Table,
    label: str,
    column: Column,
    trivials: tuple[str, ...],
    parts: _Parts,
) -> None:
    """Add every auto-encoder under every loss, after the trivial answers."""
    _check_generation(configuration, name, table, label, column)
    compares = [
        (network, loss, seed, False)
        for loss in table.losses
        for network in column.of(table.networks)
        for seed in configuration.scale.seeds_of(name)
    ]
    reference, further = table.reference_loss, _noise_seeds(configuration, name)
    compares += [(network, reference, seed, True) for network, seed in product(column.of(table.networks), further)]
    for trivial in trivials:
        job = generated(configuration, table, label, column, trivial, 0)
        parts.add(label, job.wildcards, job.writes("scores"), None)
    for network, loss, seed, noise in compares:
        run = trained(configuration, table, column, network, loss, seed)
        job = generated(configuration, table, label, column, run, seed)
        parts.add(label, job.wildcards, job.writes("scores"), run.writes("card"), noise=noise)


def _check_generation(configuration: Configuration, name: str, table: Table, label: str, column: Column) -> None:
    """Raise UserError for a task, network or loss of auto-encoders in a table of others, and the other way round."""
    generators, where = table.compares == "generators", configuration.table_files[name]
    wanted, other = ("generators", "restorations") if generators else ("restorations", "generators")
    task = configuration.config.tasks[column.task]
    if plugins.constant("tasks", task.name, "AUTOENCODES", False) != generators:
        raise UserError(
            f"{where}: columns.{label}.task: '{column.task}' is for tables that compare {other}, this one compares "
            f"{wanted}; take another task, or change compares"
        )
    for network in table.networks:
        if plugins.constant("networks", configuration.network_file(network), "AUTOENCODER", False) != generators:
            words = ("no", "generators") if generators else ("an", "restorations")
            raise UserError(
                f"{where}: networks: '{network}' is {words[0]} auto-encoder, and the table compares {words[1]}; "
                "name another"
            )
    for loss in table.losses if generators else ():
        if plugins.constant("losses", split(configuration.loss(loss).loss or loss)[0], "LOSS_NETWORKS"):
            raise UserError(
                f"{where}: losses: '{loss}' compares features, and the bound of an auto-encoder is a sum over pixels; "
                "name losses of pixels alone"
            )


def _add_classifiers(configuration: Configuration, table: Table, label: str, column: Column, parts: _Parts) -> None:
    """Add the classifiers `<loss>_<network>` of a column, scored where they were trained, after chance."""
    dataset = configuration.dataset(column.dataset)
    for network, loss in product(column.of(table.networks), table.losses):
        made = classifier(configuration, f"{loss}_{network}")
        shared = {"task": CLASSIFICATION, "dataset": dataset, "test_set": dataset, "seed": "0"}
        if all(cell.column != label for cell in parts.cells):
            parts.add(label, {**shared, "network": TRIVIAL, "loss": CHANCE}, made.writes("chance"), None)
        parts.add(label, {**shared, "network": network, "loss": loss}, made.writes("scores"), made.writes("card"))


def _metric_columns(configuration: Configuration, table: Table) -> Iterator[MetricColumn]:
    for name, metric in table.metrics.items():
        column = next(column for label, column in table.columns.items() if metric.of(label))
        words = [metric.source]
        if table.compares == "classifiers":
            # shares of crops, which the stage that trains a classifier counts itself
            better = "up"
        elif table.compares == "generators" and name in OF_PICTURES:
            better = OF_PICTURES[name]
        else:
            samples = samples_of(configuration, table) if table.compares == "generators" else None
            words.insert(0, protocol(name, metric, task_of(configuration, column), samples))
            if model := pyiqa_models.named(metric.file or name):
                better = "down" if model.lower_better else "up"
                words.append(model.source)
            else:
                better = plugins.constant("metrics", metric.file or name, "better")
                words += packaged("metrics", metric.file or name)
        if metric.classifier:
            chosen = configuration.classifier(metric.classifier)
            size = f"{chosen.architecture}, {chosen.classes} classes"
            words.append(f"classifier {metric.classifier}: {size}, {chosen.source}")
        yield MetricColumn(name=name, better=better, protocol="; ".join(words), published=metric.published)


def _published(configuration: Configuration, paper: str, short: str, table: Table) -> Iterator[PublishedValue]:
    warnings = {(entry.column, entry.network, entry.loss, entry.metric): entry.reason for entry in table.warnings}
    # what stands in for a published metric may stand beside one of that name
    ours = {metric.published: name for name, metric in table.metrics.items() if metric.published}
    unused = set(warnings)
    for row in configuration.published:
        if (row["paper"], row["table"]) == (paper, short):
            key = (row["dataset"], row["model"], row["loss"], row["metric"])
            unused.discard(key)
            metric, place = ours.get(key[3], key[3]), dict(zip(("column", "network", "loss"), key, strict=False))
            number = row["value"]
            step = 10.0 ** -len(number.partition(".")[2])
            yield PublishedValue(**place, metric=metric, value=float(number), step=step, warning=warnings.get(key, ""))
    for entry in sorted(unused):
        file = configuration.table_files[f"{paper}/{short}"]
        raise UserError(f"{file}: warnings: nothing is published for {' '.join(entry)}")
