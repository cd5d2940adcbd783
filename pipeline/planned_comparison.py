"""What the plan adds so that people can look at one network under all losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.planned_job import TRIVIAL, Job
from pipeline.specs.config import Column
from pipeline.specs.evaluate import CompareSpec
from pipeline.specs.tabulate import Cell

if TYPE_CHECKING:
    from pipeline.plan import Plan


def plan_comparison(plan: Plan, name: str, column: Column, trivial: str, network: str, cells: list[Cell]) -> list[str]:
    """Add the side-by-side picture of one network on one test set, first seed; none where none may be shown.

    `cells` are those of the column of the table `name`; `trivial` names the answer to beat.
    """
    test_set = plan.configuration.dataset(column.test_set.dataset)
    if not plan.pictures(test_set):
        return []
    dataset = plan.configuration.dataset(column.dataset)
    own = [(TRIVIAL, 0), (network, plan.scale.seeds[0])]
    shown = [cell for cell in cells if (cell.network, cell.seed) in own]
    spec = CompareSpec(
        task=plan.task(column),
        test_set=test_set,
        split=column.test_set.split,
        network=network,
        trivial=trivial,
        labels=tuple(cell.loss for cell in shown),
        pictures=plan.pictures(test_set),
        crop=plan.scale.evaluation.crop,
    )
    inputs = plan.degrade(test_set, column.task)
    inputs["scores"] = [cell.scores for cell in shown]
    key = (*name.split("/"), column.task, dataset, network, test_set)
    modules = ("pipeline.compare", f"pipeline.tasks.{spec.task.name}")
    plan.add("compare", key, Job(spec, modules, inputs))
    return [f"{plan.root}/compare/{'/'.join(key)}.png"]
