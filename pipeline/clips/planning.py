"""What planning asks of tables of video: what fits them, how their clips are scored. Imports no torch."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from lossbench import datasets, plugins, tasks
from lossbench.assets import pyiqa_models
from lossbench.errors import UserError
from lossbench.tasks import NoisyTask
from lossbench.video.clips import LEAST_FRAMES
from pipeline.config.read import Configuration
from pipeline.config.table import Column, Metric, Table
from pipeline.specs.evaluate import ClipScoring
from pipeline.specs.train import TaskSpec

WHAT = {True: "clips", False: "pictures"}


def task_of(configuration: Configuration, column: Column) -> TaskSpec | None:
    """Return the task of a column; None where it names none of the configuration's, as columns of classifiers."""
    return configuration.config.tasks.get(column.task)


def is_of_clips(configuration: Configuration, column: Column) -> bool:
    """Return whether the task of a column is one of clips."""
    task = task_of(configuration, column)
    return task is not None and tasks.of_clips(task.name)


def for_table(configuration: Configuration, name: str) -> Configuration:
    """Return what holds for the table `name`: in one of video, losses are what they are for clips."""
    if not any(is_of_clips(configuration, column) for column in configuration.tables[name].columns.values()):
        return configuration
    return replace(configuration, losses={loss: one.for_clips() for loss, one in configuration.losses.items()})


def check_kinds(configuration: Configuration, name: str, table: Table, label: str, column: Column) -> None:
    """Raise UserError for a network or a metric of pictures in a column of clips, and the other way round."""
    clips = is_of_clips(configuration, column)
    where = configuration.table_files[name]
    for network in column.of(table.networks):
        if (plugins.constant("networks", configuration.network_file(network), "WINDOW", 1) != 1) != clips:
            raise UserError(
                f"{where}: networks: '{network}' restores {WHAT[not clips]}, column '{label}' is of {WHAT[clips]}; "
                f"name it in tables of {WHAT[not clips]} alone"
            )
        if clips:
            _check_length(configuration, column, network)
    for metric, entry in table.metrics.items():
        if entry.of(label) and (_over(entry.file or metric) == "clip") != clips:
            raise UserError(
                f"{where}: metrics.{metric}: '{entry.file or metric}' scores {WHAT[not clips]}, column '{label}' is of "
                f"{WHAT[clips]}; take a metric of {WHAT[clips]}"
            )
        if not clips and (entry.sigmas or entry.frames):
            raise UserError(f"{where}: metrics.{metric}: sigmas and frames are for clips; leave them out")
        if clips and entry.of(label):
            _check_metric(configuration, column, f"{where}: metrics.{metric}", entry.file or metric, entry)


def _check_length(configuration: Configuration, column: Column, network: str) -> None:
    """Raise UserError where fewer frames are scored, or given to `network` at once, than it needs."""
    least = plugins.constant("networks", configuration.network_file(network), "LEAST_FRAMES", 1)
    chunk = configuration.scale.evaluation.clips.chunk
    limits = (("frames", _scored(configuration, column), max(least, LEAST_FRAMES)), ("chunk", chunk, least))
    for limit, frames, needed in limits:
        if frames < needed:
            place = f"{configuration.scale_file}: evaluation.clips.{limit}"
            raise UserError(f"{place}: {frames} frames, but '{network}' needs {needed}; give {needed} or more")


def _check_metric(configuration: Configuration, column: Column, place: str, file: str, entry: Metric) -> None:
    """Raise UserError for noise levels without noise, and for more `frames` than are scored or fewer than it needs."""
    task = task_of(configuration, column)
    if entry.sigmas and task is not None and noise_levels(task) is None:
        raise UserError(f"{place}.sigmas: task '{column.task}' adds no noise; leave the entry out")
    least, most = plugins.constant("metrics", file, "FRAMES_AT_ONCE", 1), _scored(configuration, column)
    if entry.frames is not None and not least <= entry.frames <= most:
        raise UserError(
            f"{place}.frames: {entry.frames}, but '{file}' needs {least} and {most} are scored at this scale; give one "
            "of these or between"
        )


def _scored(configuration: Configuration, column: Column) -> int:
    """Return how many frames of a clip of `column` are scored at most."""
    settings = configuration.scale.evaluation.clips
    return settings.per_task.get(column.task, settings.frames)


def _over(file: str) -> str:
    return "picture" if pyiqa_models.named(file) else str(plugins.constant("metrics", file, "OVER", "picture"))


def check_frames(place: str, network: str, frames: int | None, clips: bool) -> None:
    """Raise UserError for a recipe of clips without `frames`, one of pictures with them, and too few for `network`."""
    if clips and frames is None:
        raise UserError(f"{place}.frames: '{network}' is trained on clips; say how many frames in a row, such as 4")
    if not clips and frames is not None:
        raise UserError(f"{place}.frames: {frames}, but '{network}' is trained on pictures; leave the entry out")
    least = plugins.constant("networks", network, "LEAST_FRAMES", 1)
    if frames is not None and frames < least:
        even = least + least % 2
        raise UserError(f"{place}.frames: {frames}, but '{network}' needs {least}; give an even number from {even} on")


def noise_levels(task: TaskSpec) -> tuple[float, ...] | None:
    """Return the noise levels that a clip of `task` is scored at; None where its low quality is stored."""
    noisy = _noisy(task.name)
    return noisy.levels(task.settings) if noisy else None


@cache
def _noisy(task: str) -> NoisyTask | None:
    named = tasks.load(task)
    return named if isinstance(named, NoisyTask) else None


def levels_of(metric: Metric, task: TaskSpec) -> tuple[float, ...] | None:
    """Return the noise levels over which `metric` is the mean; None where there is no noise."""
    levels = noise_levels(task)
    return levels and (metric.sigmas or levels)


def scoring(configuration: Configuration, column: Column, test_set: str, kept: bool) -> ClipScoring | None:
    """Return how clips of `column` are scored, and, where they are `kept`, what is kept of them; None for pictures."""
    task = task_of(configuration, column)
    if task is None or not tasks.of_clips(task.name):
        return None
    settings, levels = configuration.scale.evaluation.clips, noise_levels(task)
    # some licences allow numbers only
    shown = kept and datasets.card(test_set).pictures
    return ClipScoring(
        frames=_scored(configuration, column),
        keep_frames=settings.keep_frames if shown else 0,
        keep_sigma=settings.keep_sigma if levels else None,
        chunk=settings.chunk,
        overlap=settings.overlap,
    )


def protocol_words(metric: Metric, task: TaskSpec) -> Iterator[str]:
    """Give in words over what the value of `metric` is a mean."""
    if levels := levels_of(metric, task):
        yield f"noise of sigma {'/'.join(f'{level:g}' for level in levels)} ({'mean' if len(levels) > 1 else 'alone'})"
    if metric.frames:
        yield f"first {metric.frames} frames"
    yield "mean over frames, then over clips"
