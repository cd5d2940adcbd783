"""The scale of tasks that take a data set's own pairs, looked up in these where the configuration does not say it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lossbench import datasets, plugins
from lossbench.errors import UserError, placed
from pipeline.config.table import Column
from pipeline.specs.train import TaskSpec

SCALE = "scale"


def is_found(task: TaskSpec) -> bool:
    """Return whether the scale of `task` is to be found in pairs."""
    return SCALE not in task.settings and plugins.constant("tasks", task.name, "SHIPPED_ALONE", False)


def with_scales(
    tasks: Mapping[str, TaskSpec],
    columns: Iterable[Column],
    stands_for: Callable[[str], str],
    root: Callable[[str], str | None],
) -> dict[str, TaskSpec]:
    """Return `tasks` with the scale of those that are used in `columns` and that name none.

    `stands_for` gives the data set that stands for a published one, and `root` its folder. Raises UserError naming the
    task for data that are not there or have no pairs, and for data sets whose pairs differ in scale.
    """
    found = dict(tasks)
    used = [(column.task, stands_for(column.dataset)) for column in columns if column.task in tasks]
    for name, dataset in dict.fromkeys(used):
        task = tasks[name]
        if not is_found(task):
            continue
        place = root(dataset)
        with placed(f"config/config.yaml: tasks.{name}: no scale is given, and none found"):
            scale = datasets.scale_of_pairs(datasets.load(dataset), Path(place) if place else None, task.name)
        known = found[name].settings.get(SCALE, scale)
        if known != scale:
            raise UserError(
                f"config/config.yaml: tasks.{name}: pairs of '{dataset}' have scale {scale}, others of this task "
                f"{known}; give each a task of its own"
            )
        found[name] = task.model_copy(update={"settings": {**task.settings, SCALE: scale}})
    return found
