"""The job that trains one restoration network under one loss, and how long a run is that lasts as long as another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lossbench import plugins, tasks
from pipeline.config.losses import SEED_OFFSET, Loss
from pipeline.config.read import Configuration
from pipeline.config.scale import SEEDS
from pipeline.config.starts import Start, check_start, start_of
from pipeline.config.table import Column, Table
from pipeline.dividing.planned import processes
from pipeline.planning.data import pairs
from pipeline.planning.job import File, Job, closure, plugin_module, plugin_modules
from pipeline.planning.loss_networks import loss_network
from pipeline.planning.measured_steps import (
    CPU_FILE,
    FILE,
    cost_words,
    loss_network_of,
    mixed,
    read,
    step_of,
)
from pipeline.planning.parts import check_built_on, loss_spec, network_spec, recipe
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import NetworkSpec, TrainSpec


def trained(configuration: Configuration, table: Table, column: Column, network: str, loss: str, seed: int) -> Job:
    """Return one training, on the data of `column`; raises UserError for a name or argument that is not known."""
    dataset = configuration.dataset(column.dataset)
    task = configuration.config.tasks[column.task]
    chosen, own_loss = configuration.loss(loss), configuration.network(network).own_loss
    if own_loss:
        # refused here when the network has none
        plugins.constant("networks", configuration.network_file(network), "OWN_LOSS")
    apart = plugins.constant("tasks", task.name, "TEST_ALONE", ())
    settings = {name: value for name, value in task.settings.items() if name not in apart}
    spec = TrainSpec(
        task=task.model_copy(update={"settings": settings}),
        dataset=dataset,
        network=network_spec(configuration, network, column.task),
        loss=loss_spec(configuration, loss, table.pixel, column.task, seed),
        own_loss=own_loss,
        recipe=recipe(configuration, network, column.task),
        seed=seed if chosen.again_of is None else (seed + SEED_OFFSET) % SEEDS,
    )
    reads = pairs(configuration, dataset, column.task)
    if plugins.constant("tasks", task.name, "TARGETS_ALONE", False):
        del reads["pairs"]
    file = configuration.network_file(network)
    modules = ["pipeline.train", *plugin_modules("networks", file), *plugin_modules("losses", spec.loss.name)]
    modules += [plugin_module("tasks", task.name)]
    if chosen.loss_network:
        # of a file that gives an architecture alone one is enough
        own = None if plugins.constant("losses", spec.loss.name, "ARCHITECTURE_OF", ()) else seed
        reads["weights"] = loss_network(configuration, chosen.loss_network, dataset, column.task, own)
        modules.append(plugin_module("loss_networks", str(spec.loss.loss_network)))
    if tasks.of_clips(task.name):
        modules.append("pipeline.clips.training")
    check_built_on(configuration, network, column.task)
    given: dict[str, str] = {}
    if (start := start_of(configuration, network, column.task, loss)) is not None:
        spec = spec.model_copy(update={"start": _digest(configuration, network, start, spec.network)})
        if start.loss is not None:
            # as its runs differ in all their seeds, an A/A row does from what it is held against
            before = seed if chosen.again_of is None else spec.seed
            reads["initial"] = trained(configuration, table, column, network, start.loss, before).writes("model")
        else:
            given["initial"] = str(start.file)
    elif (built_on := configuration.network(network).initial) is not None:
        # an A/A row differs in all its seeds
        under = table.reference_loss if chosen.again_of is None else loss
        reads["initial"] = trained(configuration, table, column, built_on, under, seed).writes("model")
    key = (column.task, dataset, network, loss, str(seed))
    job = Job(configuration.root, "train", key, spec, tuple(modules), reads, given=given)
    gpus = processes(configuration.scale.gpus, configuration.network(network).gpus)
    job = replace(job, processes=gpus, accumulate=configuration.network(network).accumulate)
    if chosen.steps_factor is not None:
        return _with_steps(configuration, job, chosen.steps_factor, "steps_factor")
    if chosen.as_long_as is not None:
        other = trained(configuration, table, column, network, chosen.as_long_as, seed)
        return _as_long_as(configuration, job, other, chosen)
    return job


def _digest(configuration: Configuration, network: str, start: Start, spec: NetworkSpec) -> str:
    """Return what a spec says of the `start` of a training; raises UserError for a file of another network."""
    if start.file is None:
        return f"loss {start.loss}"
    check_start(f"{configuration.scale_file}: networks.{network}.start", start.file, spec)
    return configuration.digest_of(start.file)


def steps_file(configuration: Configuration) -> Path:
    """Return the file of the measured steps that decide how long runs at this scale are."""
    return configuration.folder / (FILE if configuration.scale.gpus else CPU_FILE)


def _as_long_as(configuration: Configuration, job: Job, other: Job, chosen: Loss) -> Job:
    """Return the training `job` with as many steps as cost what `other` costs.

    Where a step was not measured it keeps its recipe's, and names that step as undecided.
    """
    measured = read(steps_file(configuration))
    paid = [other, *_loss_network(other)] if chosen.pays_pretraining else [other]
    kinds = {each: str(cost_words(each.spec, loss_network_of(each))) for each in (job, *paid)}
    parts = {what: mixed(each.spec, loss_network_of(each)) for each, what in kinds.items()}
    found = {what: step.seconds for what in kinds.values() if (step := step_of(measured, what, parts[what]))}
    missing = dict.fromkeys([*other.undecided, *(what for what in kinds.values() if found.get(what) is None)])
    if missing:
        return replace(job, undecided=tuple(missing))
    seconds = {each: found[what] or 0.0 for each, what in kinds.items()}
    cost = sum(_recipe(each).steps * seconds[each] for each in paid)
    return _with_steps(configuration, job, cost / (_recipe(job).steps * seconds[job]), "as_long_as")


def _loss_network(run: Job) -> Iterator[Job]:
    """Give the trainings that the loss network of `run` rests on; none where only its architecture is looked up."""
    weights, spec = run.reads.get("weights"), run.spec
    assert isinstance(spec, TrainSpec)
    if isinstance(weights, File) and not plugins.constant("losses", spec.loss.name, "ARCHITECTURE_OF", ()):
        yield from (job for job in closure(weights.job) if cost_words(job.spec) is not None)


def _recipe(job: Job) -> Recipe:
    spec: Any = job.spec
    assert isinstance(spec.recipe, Recipe)
    return spec.recipe


def _with_steps(configuration: Configuration, job: Job, factor: float, entry: str) -> Job:
    """Return the training `job` with `factor` times its steps, never fewer; milestones move with its end.

    Raises UserError naming the `entry` of its loss for more steps than a recipe may have.
    """
    own, factor = _recipe(job), max(1.0, factor)
    milestones = tuple(round(step * factor) for step in own.schedule.milestones)
    changes = {"steps": round(own.steps * factor), "schedule": {**own.schedule.model_dump(), "milestones": milestones}}
    made = Recipe.parse({**own.model_dump(), **changes}, configuration.loss_place(job.wildcards["loss"], entry))
    return replace(job, spec=job.spec.model_copy(update={"recipe": made}))
