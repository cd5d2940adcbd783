"""The jobs that score runs, send them to a server, and lay their pictures side by side."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from lossbench import datasets, plugins
from lossbench.assets import pyiqa_models
from pipeline.clips.planning import is_of_clips, scoring
from pipeline.config.read import Configuration
from pipeline.config.table import Column, Metric, Table
from pipeline.planning.data import pairs, prepared
from pipeline.planning.job import File, Job, plugin_module, plugin_modules
from pipeline.planning.loss_networks import classifier, loss_network
from pipeline.planning.parts import metric_spec, needs_target, network_spec
from pipeline.planning.runs import trained
from pipeline.specs.compare_clips import CompareClipsSpec
from pipeline.specs.evaluate import CompareSpec, EvaluateSpec, MetricSpec, SubmitSpec
from pipeline.specs.generate import OF_PICTURES, GenerateSpec
from pipeline.specs.tabulate import TRIVIAL

CLIPS = "compare_clips"
"""The stage that lays clips side by side; pictures have `compare`."""


def evaluated(configuration: Configuration, table: Table, label: str, column: Column, run: Job | str) -> Job:
    """Return the scoring of a training, or of the trivial answer `run`, on the test set of `column`."""
    runs = [] if isinstance(run, str) else [run]
    place = run.key[2:] if isinstance(run, Job) else (TRIVIAL, run, "0")
    spec = _spec(configuration, table, label, column, place)
    spec = spec.model_copy(update={"trivial": run if isinstance(run, str) else None})
    return _scored(configuration, table, column, place, spec, runs)


def answered(
    configuration: Configuration, table: Table, label: str, column: Column, name: str, runs: Sequence[Job]
) -> Job | None:
    """Return the scoring of the answer `name` of the table, made of trainings `runs` of one network and seed.

    The ground truth is scored once for all networks and seeds; None where no metric of the column does without it.
    """
    answer = table.answers[name]
    place = (runs[0].key[2], name, runs[0].key[4]) if runs else (TRIVIAL, name, "0")
    spec = _spec(configuration, table, label, column, place).model_copy(update={"answer": answer.make})
    if not runs:
        alone = tuple(metric for metric in spec.metrics if not needs_target(metric.file))
        # the page shows the ground truth beside every picture
        spec = spec.model_copy(update={"metrics": alone, "keep_pictures": 0})
    return _scored(configuration, table, column, place, spec, runs) if spec.metrics else None


def _spec(configuration: Configuration, table: Table, label: str, column: Column, place: Sequence[str]) -> EvaluateSpec:
    """Return what scoring depends on at network, loss and seed `place`, of no model where the network is `TRIVIAL`."""
    test_set = configuration.dataset(column.test_set.dataset)
    task = configuration.config.tasks[column.task]
    network, _, seed = place
    first = str(configuration.scale.seeds[0])
    return EvaluateSpec(
        task=task,
        test_set=test_set,
        split=column.test_set.split,
        network=None if network == TRIVIAL else network_spec(configuration, network, column.task),
        trivial=None,
        metrics=tuple(
            metric_spec(configuration, name, table, label) for name, metric in table.metrics.items() if metric.of(label)
        ),
        keep_pictures=_kept_pictures(configuration, test_set),
        tile=configuration.scale.evaluation.tile,
        clip=scoring(configuration, column, test_set, kept=network == TRIVIAL or seed == first),
    )


def _scored(
    configuration: Configuration,
    table: Table,
    column: Column,
    place: Sequence[str],
    spec: EvaluateSpec,
    runs: Sequence[Job],
) -> Job:
    """Return the scoring `spec` at network, loss and seed `place`, of what the models of `runs` restore."""
    test_set = spec.test_set
    reads = pairs(configuration, test_set, column.task)
    modules = ["pipeline.evaluate", plugin_module("tasks", spec.task.name)]
    modules += ["pipeline.clips.scoring"] if spec.clip else []
    modules += _metric_modules(configuration, table, spec.metrics, test_set)
    metrics = {metric.name: table.metrics[metric.name] for metric in spec.metrics}
    weights = {name: file for name, metric in metrics.items() if (file := _rests_on(configuration, metric, column))}
    if weights:
        reads["metric_weights"] = list(weights.values())
    if runs:
        first, *others = [run.writes("model") for run in runs]
        reads["model"] = first
        if others:
            reads["further_models"] = others
        modules += plugin_modules("networks", configuration.network_file(place[0]))
    key = (column.task, configuration.dataset(column.dataset), *place, test_set)
    named = {"metric_weights": list(weights)}
    return Job(configuration.root, "evaluate", key, spec, tuple(dict.fromkeys(modules)), reads, named)


def generated(configuration: Configuration, table: Table, label: str, column: Column, run: Job | str, seed: int) -> Job:
    """Return the scoring of what a trained auto-encoder, or the trivial answer `run`, reconstructs and makes."""
    place = run.key[2:] if isinstance(run, Job) else (TRIVIAL, run, "0")
    test_set = configuration.dataset(column.test_set.dataset)
    chosen = {name: metric for name, metric in table.metrics.items() if name not in OF_PICTURES and metric.of(label)}
    spec = GenerateSpec(
        task=configuration.config.tasks[column.task],
        test_set=test_set,
        split=column.test_set.split,
        network=network_spec(configuration, place[0], column.task) if isinstance(run, Job) else None,
        metrics=tuple(metric_spec(configuration, name, table, label) for name in chosen),
        samples=samples_of(configuration, table),
        seed=seed,
        sheets=datasets.card(test_set).pictures,
    )
    reads: dict[str, File | Sequence[File]] = {"targets": prepared(configuration, test_set).writes("card")}
    weights = {name: file for name, metric in chosen.items() if (file := _rests_on(configuration, metric, column))}
    if weights:
        reads["metric_weights"] = list(weights.values())
    modules = ["pipeline.generate", plugin_module("tasks", spec.task.name)]
    modules += _metric_modules(configuration, table, spec.metrics, test_set)
    if isinstance(run, Job):
        reads["model"] = run.writes("model")
        modules += plugin_modules("networks", configuration.network_file(place[0]))
    key = (column.task, configuration.dataset(column.dataset), *place, test_set)
    named = {"metric_weights": list(weights)}
    return Job(configuration.root, "generate", key, spec, tuple(dict.fromkeys(modules)), reads, named)


def samples_of(configuration: Configuration, table: Table) -> int:
    """Return how many pictures an auto-encoder of `table` makes for metrics of two sets."""
    return min(table.samples, configuration.scale.evaluation.samples or table.samples)


def compared(
    configuration: Configuration, name: str, column: Column, trivial: str, network: str, scored: Sequence[Job]
) -> File | None:
    """Return the side-by-side picture of one network on one test set, or the folder of such clips, of the first seed.

    None where none may be shown. `scored` are the evaluations of the column of the table `name`; `trivial` names the
    answer to beat.
    """
    test_set = configuration.dataset(column.test_set.dataset)
    pictures = _kept_pictures(configuration, test_set)
    if not pictures:
        return None
    own = [(TRIVIAL, "0"), (network, str(configuration.scale.seeds[0]))]
    shown = [job for job in scored if (job.wildcards["network"], job.wildcards["seed"]) in own]
    reads = pairs(configuration, test_set, column.task)
    scores = [job.writes("scores") for job in shown]
    key = (*name.split("/"), column.task, configuration.dataset(column.dataset), network, test_set)
    same: dict[str, Any] = {
        "test_set": test_set,
        "split": column.test_set.split,
        "network": network,
        "trivial": trivial,
        "labels": tuple(job.wildcards["loss"] for job in shown),
    }
    task = configuration.config.tasks[column.task]
    if is_of_clips(configuration, column):
        if not configuration.scale.evaluation.clips.keep_frames:
            return None
        clips = CompareClipsSpec(**same, clips=pictures)
        reads = {"targets": reads["targets"], "scores": scores}
        return Job(configuration.root, CLIPS, key, clips, (f"pipeline.{CLIPS}",), reads).writes("clips")
    spec = CompareSpec(**same, task=task, pictures=pictures, crop=configuration.scale.evaluation.crop)
    reads["scores"] = scores
    modules = ("pipeline.compare", plugin_module("tasks", task.name))
    return Job(configuration.root, "compare", key, spec, modules, reads).writes("picture")


def submitted(configuration: Configuration, table: Table, column: Column) -> Iterator[Job]:
    """Give what is sent to a server for every run of the paper; nothing where the scale has no such test set."""
    if column.test_set.dataset in configuration.scale.absent:
        return
    test_set = configuration.dataset(column.test_set.dataset)
    losses = [loss for loss in table.losses if loss not in (*table.controls, *table.answers, table.again)]
    for network, loss, seed in product(column.of(table.networks), losses, configuration.scale.seeds):
        run = trained(configuration, table, column, network, loss, seed)
        spec = SubmitSpec(
            test_set=test_set,
            root=str(configuration.data_root(test_set)),
            files=configuration.files(test_set),
            network=network_spec(configuration, network, column.task),
            tile=configuration.scale.evaluation.tile,
        )
        file = configuration.network_file(network)
        modules = ("pipeline.submit", plugin_module("datasets", test_set), *plugin_modules("networks", file))
        reads = {"model": run.writes("model")}
        yield Job(configuration.root, "submit", (*run.key, test_set), spec, modules, reads)


def _kept_pictures(configuration: Configuration, test_set: str) -> int:
    """Return how many restored pictures of `test_set` are kept."""
    # some licences allow numbers only
    allowed = datasets.card(test_set).pictures
    return configuration.scale.evaluation.keep_pictures if allowed else 0


def _rests_on(configuration: Configuration, metric: Metric, column: Column) -> File | None:
    """Return the file of the network that `metric` rests on."""
    if metric.classifier:
        return classifier(configuration, metric.classifier).writes("classifier")
    dataset, name = configuration.dataset(column.dataset), metric.loss_network
    return loss_network(configuration, name, dataset, column.task) if name else None


def _metric_modules(
    configuration: Configuration, table: Table, metrics: tuple[MetricSpec, ...], test_set: str
) -> Iterator[str]:
    """Give the modules, beside those that they import by name, that scoring `test_set` by `metrics` runs."""
    for metric in metrics:
        if pyiqa_models.named(metric.file):
            yield pyiqa_models.METRIC
            continue
        yield plugin_module("metrics", metric.file)
        if plugins.constant("metrics", metric.file, "NEEDS_LABEL", False):
            yield plugin_module("datasets", test_set)
        if chosen := table.metrics[metric.name].classifier:
            yield plugin_module("loss_networks", configuration.classifier(chosen).architecture)
        elif metric.loss_network:
            yield plugin_module("loss_networks", metric.loss_network)
        if standard := plugins.constant("metrics", metric.file, "CLASSIFIER", None):
            yield plugin_module("classifiers", standard)
