"""Every job of the chosen tables at the chosen scale. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError, gathered, nearest, say
from lossbench.files import write_text
from pipeline.config.read import Configuration
from pipeline.planning.figures import charted, drawn
from pipeline.planning.job import WILDCARDS, Job, Key, Name, closure
from pipeline.planning.missing import Missing, missing, splits_read
from pipeline.planning.runs import steps_file
from pipeline.planning.tables import tabulated
from pipeline.planning.verdicts import checked, judged, reported
from pipeline.records.record import read_record

MANIFESTS = "manifests.json"
"""What lay in the user's folders when a run began, below the results folder of the scale."""


class Plan:
    """The closure of the jobs that make the tables, their verdicts and the report."""

    def __init__(self, configuration: Configuration, unmeasured: bool = False) -> None:
        """Resolve all jobs; raises UserError for a name that nothing is known of.

        It raises one also when a step on whose cost the length of a run rests was not measured, unless such runs may
        keep their recipe's steps and be `unmeasured`.
        """
        self.configuration = configuration
        self.config, self.scale, self.root = configuration.config, configuration.scale, configuration.root
        self.jobs: dict[str, dict[Key, Job]] = {}
        self.table_names = list(configuration.tables)
        tables = [tabulated(configuration, name) for name in self.table_names]
        charts = [[*filter(None, (charted(configuration, one), drawn(configuration, one)))] for one in tables]
        for table in tables:
            self._add(table)
        scorings = chain(*(self.jobs.get(stage, {}).values() for stage in ("evaluate", "generate")))
        harness = checked(configuration, scorings)
        verdicts = [judged(configuration, table, harness) for table in tables]
        drawings = [*chain(*charts)]
        for job in (*drawings, *verdicts, reported(configuration, tables, verdicts, drawings)):
            self._add(job)
        if (text := self.undecided()) and not unmeasured:
            raise UserError(text)
        self._targets = {
            "_".join(table.key): [table.writes("long").path, *chain(*(one.outputs().values() for one in own))]
            for table, own in zip(tables, charts, strict=True)
        }

    @classmethod
    def from_config(
        cls,
        values: Mapping[str, Any],
        folder: Path = Path("config"),
        given: Iterable[str] = (),
        looked: bool = False,
        unmeasured: bool = False,
    ) -> Plan:
        """Read the files that `values` (config.yaml, perhaps overridden by the entries `given`) names, and plan.

        `looked` is for one job of a run: what lies in the user's folders was written down by `remember_data`, and what
        is to be noticed of the plan was said. `unmeasured` is that of the class.
        """
        with gathered() as notices:
            configuration = Configuration.read(values, folder, given)
            if looked:
                configuration.manifests.update(read_record(Path(configuration.root, MANIFESTS)))
            plan = cls(configuration, unmeasured)
        say(() if looked else notices)
        return plan

    def job(self, stage: str, key: Iterable[str]) -> Job:
        """Return one job; raises UserError when no chosen table asks for it."""
        key = tuple(key)
        try:
            return self.jobs[stage][key]
        except KeyError:
            known = ["/".join(entry) for entry in self.jobs.get(stage, {})]
            raise UserError(f"no table asks for {stage} '{'/'.join(key)}'; {nearest('/'.join(key), known)}") from None

    def of(self, stage: str, wildcards: Any) -> Job:
        """Return the job that a rule makes, by the rule's wildcards."""
        return self.job(stage, [wildcards[name] for name in WILDCARDS[stage]])

    def targets(self) -> list[str]:
        """List the files of all tables."""
        return [file for files in self.tables().values() for file in files]

    def tables(self) -> dict[str, list[str]]:
        """Return what is to be made of every table, its CSV first, by the name of its target: `mae_loss_table3`."""
        return self._targets

    @property
    def checkpoint_seconds(self) -> str:
        """Return the time between two checkpoints of a run; text, since a resource is an integer or text."""
        return f"{60 * self.config.checkpoint_minutes:g}"

    def needed(self, table: str) -> dict[Name, Job]:
        """Return the jobs that make the table `paper/table`, through all that they read."""
        return {job.name: job for job in closure(self.job("tabulate", table.split("/")))}

    def makers(self) -> dict[str, Job]:
        """Return the job that writes it for the path of every file."""
        return {path: job for jobs in self.jobs.values() for job in jobs.values() for path in job.outputs().values()}

    def missing(self) -> list[str]:
        """Describe every data set and weight file that is not on this machine, with licence, size and source."""
        return [one.text for one in self.absent()]

    def absent(self, jobs: Iterable[Job] | None = None) -> list[Missing]:
        """Return every data set and weight file that `jobs`, all when None, read and that is not on this machine."""
        asked = list(jobs if jobs is not None else (job for found in self.jobs.values() for job in found.values()))
        keys: dict[str, list[Key]] = {}
        for job in asked:
            keys.setdefault(job.stage, []).append(job.key)
        prepared = [name for (name,) in keys.get("prepare", [])]
        # stages that read a data set as they need it; a degradation reads the pairs that are shipped
        read = {key[-1] for stage in ("submit", "train_classifier", "train_distance") for key in keys.get(stage, [])}
        read |= {dataset for dataset, _ in keys.get("degrade", [])}
        datasets = [*prepared, *sorted(read - set(prepared))]
        imported = [name for (name,) in keys.get("import_weights", [])]
        classifiers = [name for name, _ in keys.get("train_classifier", [])]
        named = ((dataset, self.config.tasks[task].name) for dataset, task in keys.get("degrade", []))
        paired = {dataset: task for dataset, task in named if plugins.constant("tasks", task, "SHIPPED_ALONE", False)}
        return list(missing(self.configuration, datasets, imported, classifiers, paired, splits_read(asked)))

    def remember_data(self) -> None:
        """Write down what lies in the user's folders, so that no job of this run needs to look again."""
        text = json.dumps(self.configuration.manifests, indent=1, sort_keys=True)
        write_text(Path(self.root, MANIFESTS), text + "\n")

    def require_data(self, jobs: Iterable[Job] | None = None) -> None:
        """Raise UserError listing all that `jobs`, all when None, need and this machine lacks."""
        if texts := [one.text for one in self.absent(jobs)]:
            raise UserError("\n  ".join(["these are missing; nothing was started:", *texts]))

    def undecided(self) -> str:
        """Say which runs' steps rest on the costs of steps that were not measured, and what to do; empty for none."""
        runs = {job.name: job for job in self.jobs.get("train", {}).values() if job.undecided}
        if not runs:
            return ""
        losses = ", ".join(sorted({job.wildcards["loss"] for job in runs.values()}))
        kinds = list(dict.fromkeys(what for job in runs.values() for what in job.undecided))
        more = f" and {len(kinds) - 1} more" if len(kinds) > 1 else ""
        tables = " ".join(name for name in self.table_names if runs.keys() & self.needed(name))
        scale = self.configuration.scale_file
        return (
            f"{steps_file(self.configuration)}: the steps of {losses} follow from what a step costs, which is not "
            f"measured for '{kinds[0]}'{more}; run `python benchmarks/gpu_hours.py --scale {self.config.scale} "
            f"{'' if self.scale.gpus else '--cpu '}--tables {tables}`, state their steps_factor in {scale}, or leave "
            "them out by absent_controls there"
        )

    def _add(self, last: Job) -> None:
        """Add a job and all that it rests on; raises UserError when two different ones have one name."""
        for job in closure(last):
            known = self.jobs.setdefault(job.stage, {}).setdefault(job.key, job)
            if known is not job and (known.spec != job.spec or known.inputs != job.inputs):
                names = [name for name, value in known.spec if getattr(job.spec, name) != value] or ["files"]
                raise UserError(
                    f"two tables ask for {job.stage} jobs '{'/'.join(job.key)}' that differ in {', '.join(names)}; "
                    "give the task of one table a second name in config.yaml, under tasks"
                )
