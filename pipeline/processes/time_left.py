"""How long a whole run still takes: what its trainings should cost, corrected by how long its jobs take here."""

from __future__ import annotations

import logging
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import Any

from pipeline.planning.cost import seconds
from pipeline.planning.job import Job
from pipeline.planning.measured_steps import read
from pipeline.planning.plan import Plan
from pipeline.planning.runs import steps_file

PAUSE = 10.0
"""Least time between two lines, in seconds."""


@dataclass(frozen=True)
class Expected:
    """What is known of a job before it runs."""

    stage: str
    seconds: float | None
    """That its steps should take; None where none were measured, and of all that trains nothing."""


class Estimate:
    """Of the time that jobs take together, from those that have ended; they are known by their numbers."""

    def __init__(self, expected: Mapping[int, Expected], clock: Callable[[], float] = time.monotonic) -> None:
        """Take what is known of each job that is to be run."""
        self.expected, self.clock = expected, clock
        self.began = clock()
        self.running: dict[int, float] = {}
        self.took: dict[int, float] = {}

    def start(self, job: int) -> None:
        """Take note that `job` begins, for the first time or once more."""
        self.running[job] = self.clock()

    def end(self, job: int) -> None:
        """Take note that `job` has ended well."""
        if job in self.running:
            self.took[job] = self.clock() - self.running.pop(job)

    def left(self) -> float | None:
        """Return the seconds until all have ended, as many at a time as so far; None before the first has ended."""
        known = self.took.keys() & self.expected.keys()
        if not known:
            return None
        now = self.clock()
        costs = self._costs(known)
        elapsed = {job: now - began for job, began in self.running.items() if job in costs}
        rest = {job: max(costs[job] - elapsed.get(job, 0.0), 0.0) for job in costs if job not in known}
        busy = sum(self.took[job] for job in known) + sum(elapsed.values())
        together = max(busy / max(now - self.began, 1e-9), 1.0)
        return max([sum(rest.values()) / together, *rest.values()])

    def _costs(self, known: set[int]) -> dict[int, float]:
        """Return what each job takes here: of those that were to be expected as they did, of others as their like."""
        sure = [(self.took[job], planned) for job in known if (planned := self.expected[job].seconds)]
        slower = sum(took for took, _ in sure) / sum(planned for _, planned in sure) if sure else 1.0
        by_stage = defaultdict(list)
        for job in known:
            by_stage[self.expected[job].stage].append(self.took[job])
        mean = fmean(self.took[job] for job in known)
        return {
            number: job.seconds * slower if job.seconds else fmean(by_stage.get(job.stage, [mean]))
            for number, job in self.expected.items()
        }


class TimeLeft(logging.Handler):
    """Prints, when jobs have ended, how many have and how long the others will take."""

    def __init__(self, estimate: Estimate) -> None:
        """Take the estimate that it keeps up to date."""
        super().__init__(logging.INFO)
        self.estimate = estimate
        self.printed = estimate.clock()

    def emit(self, record: logging.LogRecord) -> None:
        """Read one event of Snakemake."""
        event = getattr(getattr(record, "event", None), "value", None)
        said: Any = record
        if event == "job_started":
            for job in said.jobs:
                self.estimate.start(job)
        elif event == "job_finished":
            self.estimate.end(said.job_id)
        elif event == "progress":
            self._print(said.done, said.total)

    def _print(self, done: int, total: int) -> None:
        now = self.estimate.clock()
        left = self.estimate.left()
        if left is None or done == total or now - self.printed < PAUSE:
            return
        self.printed = now
        so_far, others = (timedelta(seconds=round(value)) for value in (now - self.estimate.began, left))
        print(f"{done} of {total} jobs in {so_far}, the others in about {others}", file=sys.stderr, flush=True)


def show(workflow: Any, plan: Plan, jobs: Mapping[int, Job]) -> None:
    """Print, as the `jobs` of this run end, how long it still takes; not where Snakemake's progress is not wanted.

    They are by the numbers that Snakemake calls them by.
    """
    from snakemake.logging import logger  # type: ignore[import-untyped]

    if {quiet.name for quiet in workflow.output_settings.quiet or ()} & {"PROGRESS", "ALL"}:
        return
    costs = seconds(plan, read(steps_file(plan.configuration)))
    expected = {number: Expected(job.stage, costs.get(job.name)) for number, job in jobs.items()}
    logger.addHandler(TimeLeft(Estimate(expected)))
