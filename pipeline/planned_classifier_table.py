"""A table of classifiers: its cells are the classifiers of the scale, scored where they were trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.planned_job import TRIVIAL
from pipeline.planned_loss_network import plan_classifier
from pipeline.specs.config import Column, Table
from pipeline.specs.tabulate import CLASSIFICATION, Cell

if TYPE_CHECKING:
    from pipeline.plan import Plan

CHANCE = "chance"
"""The trivial answer: one of the classes, drawn at random."""


def classifier_cells(plan: Plan, table: Table, label: str, column: Column) -> list[Cell]:
    """Add the classifiers `<loss>_<network>` of a column and return its cells, that of chance first."""
    dataset = plan.configuration.dataset(column.dataset)
    cells: list[Cell] = []
    for network in table.networks:
        for loss in table.losses:
            folder = plan_classifier(plan, f"{loss}_{network}")
            shared = {"column": label, "task": CLASSIFICATION, "dataset": dataset, "test_set": dataset, "seed": 0}
            own = {"network": network, "loss": loss, "scores": f"{folder}/scores.csv", "card": f"{folder}/card.json"}
            if not cells:
                chance = {"network": TRIVIAL, "loss": CHANCE, "scores": f"{folder}/chance.csv", "card": None}
                cells.append(Cell.model_validate({**shared, **chance}))
            cells.append(Cell.model_validate({**shared, **own}))
    return cells
