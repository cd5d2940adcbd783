"""Files of finished jobs that can't stay, told to Snakemake while it finds out what there is to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lossbench.errors import tell
from pipeline.planning.job import Job
from pipeline.records.damage import damage
from pipeline.records.record import differs, read_record


def inputs(workflow: Any, job: Job, running: bool) -> dict[str, str | list[str]]:
    """Return the inputs of `job`; have its files made again where they were made from something else or are damaged.

    `running` says whether Snakemake is about to run jobs.
    """
    if not _compares(workflow):
        return job.inputs
    _make_again(workflow, job, running)
    damaged = [file for file in job.files_read() if _damage(workflow, file.job, running)]
    if not damaged or not _stays(workflow, job, running):
        return job.inputs
    for file in damaged:
        _ask_for(workflow, file.job)
    return _apart(job.inputs, {file.path for file in damaged})


def _compares(workflow: Any) -> bool:
    """Return whether what decides a result is compared: whoever leaves this trigger out accepts what is there."""
    return "PARAMS" in {trigger.name for trigger in workflow.rerun_triggers}


def _make_again(workflow: Any, job: Job, running: bool) -> None:
    """Have the files of `job` made again, and say why, where they were made from something else.

    Their record says what they were made from; without one, Snakemake's own memory is believed. Files that are whole,
    though Snakemake was killed before it learned of it, stay.
    """
    paths = list(job.outputs().values())
    if not any(map(os.path.exists, paths)):
        return
    from snakemake.io import IOFile  # type: ignore[import-untyped]

    outputs = [IOFile(path) for path in paths]
    there = [path for path in outputs if os.path.exists(path)]
    why = differs(read_record(Path(job.record)), job.digest, job.code, job.spec)
    memory = workflow.persistence
    if damaged := _damage(workflow, job, running):
        if workflow.dag.forcefiles.isdisjoint(there):
            what = "was changed or damaged" if Path(damaged).exists() else "was deleted"
            tell(
                f"{damaged} {what} since it was made: it is made again; where it comes out otherwise, the next run "
                "makes again what rests on it"
            )
        workflow.dag.forcefiles.update(there)
    elif why is None:
        if running and len(there) == len(outputs) and memory._filter_incomplete_keys(set(outputs)):
            for path in outputs:
                memory.cleanup_metadata(path)
    elif Path(job.record).is_file() or not all(memory.metadata(path) for path in there):
        if why and workflow.dag.forcefiles.isdisjoint(there):
            tell(f"{there[0]} is made again: {why}")
        workflow.dag.forcefiles.update(there)


def _damage(workflow: Any, job: Job, running: bool) -> str | None:
    """Return the path of a file of `job` that is not what was made; None where all are, or none is known."""
    return damage(job, workflow.persistence, noted=running)


def _stays(workflow: Any, job: Job, running: bool) -> bool:
    """Return whether `job` itself is done: its files are there, and are what was made, and nobody has it made again."""
    dag, outputs = workflow.dag, job.outputs().values()
    return (
        all(Path(path).exists() for path in outputs)
        and differs(read_record(Path(job.record)), job.digest, job.code, job.spec) is None
        and not _damage(workflow, job, running)
        and job.stage not in {rule.name for rule in dag.forcerules}
        and dag.forcefiles.isdisjoint(outputs)
    )


def _ask_for(workflow: Any, job: Job) -> None:
    """Have Snakemake make the files of `job` beside what it was asked for."""
    from snakemake.target_jobs import TargetSpec  # type: ignore[import-untyped]

    asked, wanted = (
        list(workflow.dag_settings.target_jobs),
        TargetSpec(job.stage, {"scale": Path(job.root).name, **job.wildcards}),
    )
    if wanted not in asked:
        workflow.dag_settings.target_jobs = [*asked, wanted]


def _apart(inputs: dict[str, str | list[str]], paths: set[str]) -> dict[str, str | list[str]]:
    """Return `inputs` such that neither the making of `paths` nor their times make a job run again that is done.

    Snakemake makes again all that rests on what it makes, though that comes out as it was; the next run compares their
    checksums.
    """
    from snakemake.io import ancient
    from snakemake.ioflags import before_update  # type: ignore[import-untyped]

    def marked(path: str) -> Any:
        return ancient(before_update(path)) if path in paths else path

    return {name: marked(of) if isinstance(of, str) else list(map(marked, of)) for name, of in inputs.items()}
