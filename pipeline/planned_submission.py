"""What the plan adds for a column that only a server can score: one submission a run."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from pipeline.planned_job import Job
from pipeline.planned_run import network_spec
from pipeline.specs.config import Column, Table
from pipeline.specs.evaluate import SubmitSpec

if TYPE_CHECKING:
    from pipeline.plan import Plan


def plan_submissions(plan: Plan, table: Table, column: Column) -> list[str]:
    """Add what is sent to the server for every run of the paper; nothing where the scale has no such test set."""
    if column.test_set.dataset not in plan.scale.data:
        return []
    test_set = plan.configuration.dataset(column.test_set.dataset)
    dataset = plan.configuration.dataset(column.dataset)
    made = []
    losses = [loss for loss in table.losses if loss not in table.controls]
    for network, loss, seed in product(table.networks, losses, plan.scale.seeds):
        run = plan.train(table, column, network, loss, seed)
        spec = SubmitSpec(
            test_set=test_set,
            root=str(plan.configuration.data_root(test_set)),
            network=network_spec(plan.configuration, network, plan.task(column)),
            tile=plan.scale.evaluation.tile,
        )
        modules = ("pipeline.submit", f"pipeline.datasets.{test_set}", f"pipeline.networks.{network}")
        key = (column.task, dataset, network, loss, str(seed), test_set)
        plan.add("submit", key, Job(spec, modules, {"model": f"{run}/model.safetensors"}))
        made.append(f"{plan.root}/submit/{'/'.join(key)}/submission.json")
    return made
