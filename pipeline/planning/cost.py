"""What the trainings of a plan cost, from steps that were measured. Imports no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.planning.job import Name
from pipeline.planning.measured_steps import (
    OUT_OF_MEMORY,
    Measurement,
    Mixed,
    cost_words,
    loss_network_of,
    mixed,
    step_of,
)

if TYPE_CHECKING:
    from pipeline.planning.plan import Plan

STAGES = ("pretrain", "train_classifier", "train_distance", "train")
"""Those that train, in the order in which they run."""
HOUR = 3600.0
"""Seconds."""


@dataclass(frozen=True)
class Training:
    """One training of a plan."""

    what: str
    """What decides the cost of its step, in words."""
    steps: int
    undecided: tuple[str, ...] = ()
    """Words of steps without whose cost the number of this one's steps is not known."""
    parts: Mixed | None = None
    """What its steps are mixed of, where they are not all alike."""


@dataclass
class CostRow:
    """What the trainings of one stage cost, in all or for one table."""

    table: str | None
    """None counts every job of the plan once."""
    stage: str
    jobs: int = 0
    steps: int = 0
    """Of the jobs whose step was measured."""
    gpu_hours: float = 0.0
    """Likewise."""
    unmeasured: Counter[str] = field(default_factory=Counter)
    """Number of jobs by the words of a step that was not measured, or did not fit the device."""

    @property
    def seconds_per_step(self) -> float | None:
        """Return the mean over steps; None when none was measured."""
        return self.gpu_hours * HOUR / self.steps if self.steps else None

    def summary(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        seconds = self.seconds_per_step
        return {
            **({"table": self.table} if self.table else {}),
            "stage": self.stage,
            "jobs": self.jobs,
            "steps": self.steps,
            "seconds_per_step": None if seconds is None else round(seconds, 5),
            "gpu_hours": round(self.gpu_hours, 2),
            "unmeasured_jobs": sum(self.unmeasured.values()),
        }


def trainings(plan: Plan) -> dict[Name, Training]:
    """Return every training of `plan`."""
    found = {}
    for job in (job for stage in STAGES for job in plan.jobs.get(stage, {}).values()):
        if words := cost_words(job.spec, network := loss_network_of(job)):
            spec: Any = job.spec
            found[job.name] = Training(words, spec.recipe.steps, job.undecided, mixed(spec, network))
    return found


def seconds(plan: Plan, measured: Mapping[str, Measurement]) -> dict[Name, float]:
    """Return what the steps of each training of `plan` take; one whose step was not measured is left out."""
    return {name: cost for name, one in trainings(plan).items() if (cost := _seconds(one, measured)) is not None}


def _seconds(one: Training, measured: Mapping[str, Measurement]) -> float | None:
    step = None if one.undecided else step_of(measured, one.what, one.parts)
    return None if step is None or step.seconds is None else one.steps * step.seconds


def estimates(plan: Plan, measured: Mapping[str, Measurement]) -> list[CostRow]:
    """Return a row for each stage that trains, then for each table one for each stage that trains for it.

    Jobs that several tables need count for each of these. One whose step was not measured is counted among the jobs,
    named in `unmeasured`, and in no other number.
    """
    found = trainings(plan)
    rows = _rows(None, found, found, measured)
    for table in plan.table_names:
        rows += _rows(table, plan.needed(table), found, measured)
    return rows


def _rows(
    table: str | None, names: Iterable[Name], found: Mapping[Name, Training], measured: Mapping[str, Measurement]
) -> list[CostRow]:
    rows = {stage: CostRow(table, stage) for stage in STAGES}
    for name in sorted(found.keys() & names):
        row, one = rows[name[0]], found[name]
        row.jobs += 1
        what, parts = (one.undecided[0], None) if one.undecided else (one.what, one.parts)
        step = step_of(measured, what, parts)
        if one.undecided or step is None or step.seconds is None:
            row.unmeasured[what + (f" ({OUT_OF_MEMORY} on {step.device})" if step else "")] += 1
        else:
            row.steps += one.steps
            row.gpu_hours += one.steps * step.seconds / HOUR
    return [row for row in rows.values() if row.jobs]
