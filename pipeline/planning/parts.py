"""The parts of specs, out of the configuration: network, recipe, loss, loss network, metric."""

from typing import Any

from lossbench import plugins
from lossbench.assets import pyiqa_models
from lossbench.errors import UserError, nearest, placed
from lossbench.losses import split
from lossbench.losses._every import checked_every
from lossbench.precision import checked_precision
from lossbench.tasks import of_clips
from pipeline.clips.planning import WHAT, check_frames, levels_of
from pipeline.config import scale
from pipeline.config.read import Configuration
from pipeline.config.table import Table
from pipeline.dividing.planned import check_division
from pipeline.specs.evaluate import MetricSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec

CLASSIFIER = "classifier"
"""The kind of network that a metric on a classifier rests on."""


def network_spec(configuration: Configuration, name: str, task: str) -> NetworkSpec:
    """Return the network `name` at this scale for the named task.

    Raises UserError for an unknown file and for an argument that it does not take.
    """
    chosen, place = configuration.network(name), f"{configuration.scale_file}: networks.{name}"
    file = configuration.network_file(name)
    with placed(place if chosen.network is None else f"{place}.network"):
        plugins.check("networks", file)
    fixed = _fixed(configuration.config.tasks[task], "networks", file)
    found = dict(fixed)
    given = {"arguments": chosen.arguments, f"arguments_per_task.{task}": chosen.arguments_per_task.get(task, {})}
    for part, own in given.items():
        with placed(f"{place}.{part}"):
            plugins.check_build_arguments("networks", file, {**fixed, **own})
        for argument in sorted(own.keys() & fixed.keys()):
            if own[argument] != fixed[argument]:
                values = f"{own[argument]}, but the task {task} says {fixed[argument]}"
                raise UserError(f"{place}.{part}.{argument}: {values}; leave it out")
        found |= own
    with placed(f"{place}.arguments"):
        plugins.check_complete("networks", file, found)
    return NetworkSpec(name=file, arguments=found)


def recipe(configuration: Configuration, network: str, task: str) -> Recipe:
    """Return the recipe of `network` with what differs for the named task; raises UserError for an unknown entry."""
    chosen, file = configuration.network(network), configuration.network_file(network)
    values = {**chosen.recipe.model_dump(), **chosen.per_task.get(task, {})}
    place = f"{configuration.scale_file}: networks.{network}"
    found = Recipe.parse(values, f"{place}.per_task.{task}")
    part = f"per_task.{task}" if "patch" in chosen.per_task.get(task, {}) else "recipe"
    arguments = {**chosen.arguments, **chosen.arguments_per_task.get(task, {})}
    _check_patch(f"{place}.{part}.patch", file, found.patch, arguments.get("multiple"))
    check_frames(f"{place}.recipe", file, found.frames, of_clips(configuration.config.tasks[task].name))
    shared = (configuration.scale.gpus, chosen.gpus, chosen.accumulate)
    check_division(configuration.scale_file, f"networks.{network}", ("networks", file), found, *shared)
    side = configuration.config.tasks[task].settings.get("side")
    if side not in (None, found.patch):
        raise UserError(f"{place}.{part}.patch: {found.patch} px, but pictures of {task} have {side}; give {side}")
    return found


def check_built_on(configuration: Configuration, network: str, task: str) -> None:
    """Raise UserError where `initial` of `network` is not what it is built on, or has other arguments in common."""
    place, chosen = f"{configuration.scale_file}: networks.{network}", configuration.network(network)
    file = configuration.network_file(network)
    wanted = plugins.constant("networks", file, "BUILT_ON", None)
    if (configuration.network_file(chosen.initial) if chosen.initial else None) != wanted:
        advice = "leave the entry out" if wanted is None else f"it is built on '{wanted}'; name that"
        raise UserError(f"{place}.initial: '{network}' is built on {chosen.initial or 'nothing'} here; {advice}")
    if chosen.initial is None:
        return
    ours, theirs = (network_spec(configuration, name, task).arguments for name in (network, chosen.initial))
    for argument in plugins.constant("networks", file, "SHARED"):
        if ours.get(argument) != theirs.get(argument):
            values = f"{ours.get(argument, 'left out')}, but {theirs.get(argument, 'left out')} of '{chosen.initial}'"
            raise UserError(f"{place}.arguments.{argument}: {values}, on which it is built; give both the same")


def _check_patch(place: str, network: str, patch: int, given: int | None) -> None:
    """Raise UserError for a training patch that `network` does not take, or that leaves weights without a gradient.

    One from outside may be `given` what its patches are multiples of.
    """
    multiple = given or plugins.constant("networks", network, "MULTIPLE", 1)
    if (least := plugins.constant("networks", network, "LEAST_PATCH")) > patch:
        raise UserError(
            f"{place}: {patch} px, but some weights of '{network}' get no gradient from patches below {least} px and "
            f"keep their random start; give {least} or more, with a smaller batch for as many pixels"
        )
    if patch % multiple:
        below = patch // multiple * multiple
        raise UserError(
            f"{place}: {patch} px, but '{network}' takes multiples of {multiple}; give {below} or {below + multiple}"
        )


def loss_spec(configuration: Configuration, name: str, pixel: str, task: str, seed: int) -> LossSpec:
    """Return the loss that the scale calls `name` for the named task, on top of the pixel loss `pixel`.

    A loss whose weights are drawn draws them by `seed`, that of the run, unless the configuration names another.
    Raises UserError for an argument that it does not take and for a loss network that it can't use.
    """
    chosen = configuration.loss(name)
    file, named = split(chosen.loss or name)
    if (what := WHAT[of_clips(configuration.config.tasks[task].name)]) not in plugins.constant(
        "losses", file, "TAKES", (WHAT[False],)
    ):
        other = next(each for each in WHAT.values() if each != what)
        raise UserError(
            f"{configuration.loss_place(name, 'loss')}: '{file}' compares {other}, and '{task}' is of {what}"
        )
    # losses that bring their own pixel term, such as E + P, take no other
    taken = plugins.build_arguments("losses", file)
    own = {"pixel": pixel} if "pixel" in taken else {}
    drawn = {"seed": seed} if "seed" in taken else {}
    arguments = {**drawn, **own, **named, **chosen.arguments, **chosen.per_task.get(task, {})}
    place = configuration.loss_place(name, "arguments")
    for argument, value in {**own, **named, **chosen.arguments}.items():
        with placed(configuration.loss_place(name, "arguments", argument)):
            plugins.check_build_arguments("losses", file, {argument: value})
    with placed(f"{configuration.loss_place(name, 'per_task')}.{task}"):
        plugins.check_build_arguments("losses", file, chosen.per_task.get(task, {}))
    with placed(place):
        plugins.check_complete("losses", file, arguments)
    if "weights" in arguments:
        raise UserError(f"{place}: weights: a job is given that file; name a loss network in 'loss_network' instead")
    checked_precision(place, arguments.get("precision", "exact"))
    if _every(configuration, name, task, arguments) == 1:
        # what a loss is anyway has no part in what it is known by
        arguments.pop("every", None)
    for argument, known in plugins.constant("losses", file, "CHOICES", {}).items():
        if argument in arguments and arguments[argument] not in known:
            value = str(arguments[argument])
            raise UserError(f"{place}: unknown {argument} '{value}'; {nearest(value, known)}")
    kinds = plugins.constant("losses", file, "LOSS_NETWORKS")
    kinds = kinds or (None, *plugins.constant("losses", file, "ARCHITECTURE_OF", ()))
    kind = None
    if chosen.loss_network:
        kind = plugins.check("loss_networks", configuration.loss_network(chosen.loss_network).network)
    if kind not in kinds:
        given = f"{chosen.loss_network} is of kind '{kind}'" if kind else "none is given"
        allowed = " or ".join(str(each or "none") for each in kinds)
        raise UserError(f"{configuration.loss_place(name, 'loss_network')}: {given}; '{file}' takes {allowed}")
    return LossSpec(name=file, arguments=arguments, loss_network=kind)


def _every(configuration: Configuration, name: str, task: str, arguments: dict[str, Any]) -> int:
    """Return in every how many steps the loss `name` has the terms of its loss network.

    Raises UserError for what is no number of steps, and where most steps would then have no term.
    """
    place = configuration.loss_place(name, "arguments", "every")
    if "every" in configuration.loss(name).per_task.get(task, {}):
        place = f"{configuration.loss_place(name, 'per_task')}.{task}"
    every = checked_every(place, arguments.get("every", 1))
    # perceptual sums say by a letter whether they have a pixel term
    if every > 1 and (arguments.get("pixel", "") is None or "e" not in arguments.get("terms", "e")):
        raise UserError(
            f"{place}: every = {every}, but '{name}' has no pixel term, so that most steps would have none at all; "
            "leave 'every' out"
        )
    return every


def pretrain_spec(configuration: Configuration, name: str, dataset: str, task: str | None, seed: int) -> PretrainSpec:
    """Return the loss network that the scale calls `name`, trained on `dataset` under `seed`.

    When it is trained on the ground truth of the named task, what the task fixes (bands) reaches its architecture.
    Raises UserError for an argument that it does not take, and for a task that is asked for and None.
    """
    chosen = configuration.loss_network(name)
    assert chosen.recipe is not None, name
    where = f"{configuration.scale_file}: loss_networks.{name}"
    architecture, values = chosen.architecture, chosen.recipe.model_dump()
    if chosen.dataset == "task":
        if task is None:
            raise UserError(f"{where}.dataset: 'task', but what reads it has no task; name a data set")
        special = chosen.per_task.get(task, scale.ForTask())
        fixed = _fixed(configuration.config.tasks[task], "loss_networks", chosen.network)
        architecture, values = {**fixed, **architecture, **special.architecture}, {**values, **special.recipe}
    with placed(f"{where}.architecture"):
        plugins.check_build_arguments("loss_networks", chosen.network, architecture)
    if not plugins.constant("loss_networks", chosen.network, "PRETRAINS", True):
        raise UserError(
            f"{where}.network: '{chosen.network}' has no decoder to be pre-trained by; give weights, or another"
        )
    made = Recipe.parse(values, f"{where}.per_task.{task}" if task else where)
    if (made.frames is None) == plugins.constant("loss_networks", chosen.network, "CLIPS", False):
        wanted = "pictures; leave it out" if made.frames else "clips; say how many frames in a row, such as 4"
        raise UserError(f"{where}.recipe.frames: {made.frames}, but '{chosen.network}' is trained on {wanted}")
    plugin, file = ("loss_networks", chosen.network), configuration.scale_file
    shared = (configuration.scale.gpus, chosen.gpus, chosen.accumulate)
    check_division(file, f"loss_networks.{name}", plugin, made, *shared)
    return PretrainSpec(loss_network=chosen.network, architecture=architecture, seed=seed, dataset=dataset, recipe=made)


def metric_spec(configuration: Configuration, name: str, table: Table, label: str) -> MetricSpec:
    """Return the metric `name` of the column `label`; raises UserError for a network that it can't use."""
    metric = table.metrics[name]
    file = metric.file or name
    named = pyiqa_models.named(file)
    crop = metric.crop[label] if isinstance(metric.crop, dict) else metric.crop
    chosen = metric.loss_network
    kind = configuration.loss_network(chosen).network if chosen else CLASSIFIER if metric.classifier else None
    kinds = () if named else plugins.constant("metrics", file, "WEIGHTS", ())
    if not named:
        plugins.check_made_alone("metrics", file)
    if kind not in (kinds or (None,)):
        given = f"'{chosen or metric.classifier}' is of kind '{kind}'" if kind else "none is given"
        section = "classifier" if CLASSIFIER in (kind, *kinds) else "loss_network"
        raise UserError(f"metrics.{name}.{section}: {given}; '{file}' takes {' or '.join(kinds) or 'none'}")
    return MetricSpec(
        name=name,
        file=file,
        colour=metric.colour,
        crop=crop,
        rounding=metric.rounding,
        loss_network=kind,
        sigmas=levels_of(metric, configuration.config.tasks[table.columns[label].task]),
        frames=metric.frames,
    )


def needs_target(file: str) -> bool:
    """Return whether the metric `file` compares with the ground truth."""
    if model := pyiqa_models.named(file):
        return model.needs_target
    return bool(plugins.constant("metrics", file, "needs_target"))


def _fixed(task: TaskSpec, folder: str, name: str) -> dict[str, Any]:
    """Return what `task` fixes (scale, bands) of the arguments that the plugin `name` of `folder` takes."""
    known = plugins.build_arguments(folder, name)
    return {key: value for key, value in task.settings.items() if key in known}
