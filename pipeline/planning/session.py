"""What the Snakefile asks of Snakemake's own state: are jobs run, which, by which interpreter, in how much memory."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lossbench.errors import tell
from lossbench.files import check_writable
from pipeline.cluster import clouds, resources
from pipeline.cluster.settings import Cluster
from pipeline.outputs.fingerprint import keep_sources
from pipeline.outputs.layout import WILDCARDS
from pipeline.outputs.partial import forget
from pipeline.outputs.remedies import MORE_MEMORY
from pipeline.planning.cost import STAGES
from pipeline.planning.job import Job, Name
from pipeline.planning.measured_steps import read
from pipeline.planning.plan import Plan
from pipeline.planning.runs import steps_file
from pipeline.processes import fork_client, fork_server
from pipeline.records import again

MEMORY_MB = {
    "prepare": 250,
    "degrade": 500,
    "import_weights": 1000,
    "pretrain": 1250,
    "train_classifier": 1500,
    "train_distance": 1500,
    "train": 1500,
    "evaluate": 1500,
    "generate": 1500,
    "submit": 1500,
    "compare": 250,
    "compare_clips": 1000,
    "tabulate": 500,
    "chart": 500,
    "figure": 500,
    "harness": 500,
    "judge": 500,
    "report": 1000,
}
"""Main memory that a job of each stage asks for where its scale names no other: the largest of the demo's jobs, on a
CPU, and a fifth or more on top. Those took, in MiB: prepare 79, degrade 226, import_weights 793, pretrain 831,
train_classifier 1153, train 1082, evaluate 1207, compare 71, tabulate 203, harness 347, judge 201. Not measured, but
like these: train_distance, generate, submit, chart, figure, report."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much memory a container may take."""
REPORT = "report"
TURN = "turn"
"""Resource of which there is one in each job of a cluster: what is one job there runs one after the other."""
SOURCES = Path(".snakemake/sources")
"""What was read of Python files, beside Snakemake's own memory."""
STRICT = "set -euo pipefail; "
"""Snakemake's own prefix of every command."""
PATIENT = "trap : TERM; tee() {{ trap '' TERM; command tee \"$@\"; }}; "
"""SIGTERM, which a cluster sends to all processes of a job whose time is up, is for the stage: the shell waits until a
training has saved itself, and the log until it is written. A shell that ended first would have it killed."""
TELLING = (
    "told() {{ [ $1 -ne 137 ] || echo 'error: killed by the system or a person, as a machine does whose memory is used "
    "up; " + MORE_MEMORY + ", and run again' >&2; return $1; }}; "
)
"""A process that gets SIGKILL can say nothing itself."""
MOST_MEMORY = 3
"""How many times its memory a job asks for at most: the tries of a training that is cut off again and again may be
many, and must find a machine."""


def hasten() -> None:
    """Let planning take less time: what was read of code is kept, and nothing is searched for what could be freed.

    All that is planned lives until the end: to walk through it again and again took a third of the time.
    """
    keep_sources(SOURCES)
    gc.disable()


def begin() -> None:
    """End what `hasten` began, when jobs start: a run may last for days."""
    gc.freeze()
    gc.enable()


def inputs(workflow: Any, plan: Plan, stage: str, wildcards: Any) -> dict[str, str | list[str]]:
    """Return the inputs of a job; have its files made again where they can't stay.

    Snakemake asks for them while it finds out what there is to do. What rests on missing cells is deleted then, in a
    run of jobs and in nothing that merely looks at them. Files that came without Snakemake's memory of them are made
    again where they were made from something else, and files that are no longer what was made, too.
    """
    job = plan.of(stage, wildcards)
    if runs_jobs(workflow):
        forget(Path(plan.root))
    return again.inputs(workflow, job, runs_jobs(workflow)) if workflow.is_main_process else job.inputs


def runs_jobs(workflow: Any) -> bool:
    """Return whether Snakemake is about to run jobs: not for a dry-run, a list, a graph, a summary or an unlocking."""
    return workflow.execution_settings is not None and not workflow.dryrun and not workflow.touch


def jobs_to_run(workflow: Any, plan: Plan) -> dict[int, Job]:
    """Return the jobs of `plan` that Snakemake is about to run by the numbers that it calls them by."""
    planned = (job for job in workflow.dag.needrun_jobs() if job.rule.name in WILDCARDS)
    return {job.jobid: plan.of(job.rule.name, job.wildcards_dict) for job in planned}


def check_places(jobs: Iterable[Job]) -> None:
    """Raise UserError naming the first folder of the outputs of `jobs` to which nothing can be written."""
    for folder in dict.fromkeys(Path(path).parent for job in jobs for path in (*job.outputs().values(), job.record)):
        check_writable(folder, "results")


def bring_to_present(jobs: Iterable[Job]) -> None:
    """Set the times of files that `jobs` read to now, and say so, where a clock that was set back left them later.

    Snakemake would take a job whose files are older than what it read for failed, and delete them.
    """
    now = time.time()
    for path in dict.fromkeys(file.path for job in jobs for file in job.files_read()):
        if os.path.exists(path) and os.path.getmtime(path) > now:
            tell(f"{path} is of the future, as after a clock was set back: its time is set to now")
            os.utime(path)


def wants_report(workflow: Any) -> bool:
    """Return whether the report is among what was asked for."""
    return any(job.rule.name == REPORT for job in workflow.dag.jobs)


def prefix(workflow: Any) -> str:
    """Return what stands before every command, as Snakemake takes it: `python` is the interpreter that runs Snakemake.

    In an environment or a container that Snakemake provides, `python` remains the one in there.
    """
    deployed = workflow.deployment_settings.deployment_method
    # -I -S: starts at once, and the process that it makes has the environment as it is
    here = shlex.join([sys.executable, "-I", "-S", fork_client.__file__]).replace("{", "{{").replace("}", "}}")
    interpreter = "command python" if deployed else here
    return f'{STRICT}{PATIENT}{TELLING}python() {{{{ {interpreter} "$@" || told $?; }}}}; '


def start_quickly(workflow: Any) -> None:
    """Let the jobs that this process is about to run here begin in a fork of one that has imported their code."""
    if runs_jobs(workflow) and not _of_cluster(workflow) and not workflow.deployment_settings.deployment_method:
        fork_server.start()


def look_when_jobs_end(workflow: Any) -> None:
    """Let Snakemake look for jobs to start when one has ended, and not again each second for its rate of starts.

    Each job that ends begins one more such series of looks, so that hundreds of jobs later they take a whole core. How
    many jobs are begun is limited by the cores, or by `jobs` of a profile.
    """
    workflow.scheduler.job_rate_limiter = None


def memory_mb(workflow: Any, plan: Plan, stage: str) -> Callable[[Any, int], int]:
    """Return the main memory in MB that jobs of `stage` ask for, by wildcards and number of the try.

    Each process of a job needs as much.
    """
    each: int = plan.scale.memory_mb.get(stage, MEMORY_MB[stage])
    in_steps = _of_cluster(workflow) and _cluster(workflow).cloud == "aws_batch"
    # those of the profile: Snakemake cuts a job's to the cores of a run, which a dry-run has one of
    set_threads = workflow.resource_settings._parsed_overwrite_threads if in_steps else {}
    threads = set_threads[stage].value if stage in set_threads else 1

    def asked(wildcards: Any, attempt: int) -> int:
        needed, times = each * plan.of(stage, wildcards).processes, min(attempt, MOST_MEMORY)
        return clouds.batch_memory_mb(stage, needed, threads, times) if in_steps else needed * times

    return asked


def asks(workflow: Any, plan: Plan, stage: str, gpus: int = 0) -> dict[str, Any]:
    """Return what a job of `stage` asks for, as a rule's resources: its GPUs, and of a cluster time and a place.

    Where its scale has `gpus` those are as many as processes share its batch, and one for what shares none.
    """

    def own(wildcards: Any) -> int:
        return plan.of(stage, wildcards).processes

    if not _of_cluster(workflow):
        return {"gpu": own} if gpus else {}
    cluster = _cluster(workflow)

    def takes(wildcards: Any) -> bool:
        return gpus > 0 and resources.uses_gpu(plan.of(stage, wildcards))

    def of_gpu(with_gpu: Any, without: Any) -> Callable[[Any], Any]:
        return lambda wildcards: with_gpu if takes(wildcards) else without

    def taken(wildcards: Any) -> int | None:
        # for Kubernetes 0 is one too: a job without a GPU does not speak of it
        return own(wildcards) if takes(wildcards) else None

    asked: dict[str, Any] = {"runtime": _runtime(plan, stage, cluster), "gpu": taken}
    if stage in resources.GROUPS:
        asked[TURN] = 1
    # for the plugin a type alone is a GPU: None takes that of the profile away
    if cluster.gpu_model:
        asked["gpu_model"] = of_gpu(cluster.gpu_model, None)
    if cluster.gpu_partition:
        asked["slurm_partition"] = of_gpu(cluster.gpu_partition, cluster.slurm_partition)
    if cluster.gpu_machine_type:
        asked["machine_type"] = of_gpu(cluster.gpu_machine_type, cluster.machine_type)
    if cluster.cloud == "aws_batch":
        asked[clouds.BATCH_GPUS] = taken
    return asked


def allow_tries(workflow: Any, plan: Plan) -> None:
    """Let trainings that end early be tried as often as their steps need, beside the tries that Snakemake was told of.

    For a cluster whose jobs are shorter than a training, and for when jobs begin: rules are read before Snakemake knows
    what it was told.
    """
    if not _of_cluster(workflow) or not workflow.is_main_process or not runs_jobs(workflow):
        return
    cluster = _cluster(workflow)
    needed, told = _needed(plan, cluster), workflow.execution_settings.retries
    for stage in STAGES:
        workflow.get_rule(stage).restart_times = told + resources.tries(needed, stage, cluster.longest_minutes) - 1


def _of_cluster(workflow: Any) -> bool:
    """Return whether jobs are sent away, or this process is such a job."""
    return workflow.resource_settings.nodes is not None or not workflow.is_main_process


def _default_resources(workflow: Any) -> dict[str, Any]:
    return {name: one.raw for name, one in workflow.resource_settings._parsed_default_resources.items()}


def _cluster(workflow: Any) -> Cluster:
    return Cluster.of(_default_resources(workflow))


def _needed(plan: Plan, cluster: Cluster) -> dict[Name, int]:
    return resources.needed_minutes(plan, read(steps_file(plan.configuration)), cluster)


def _runtime(plan: Plan, stage: str, cluster: Cluster) -> Callable[[Any, int], int]:
    """Return the minutes that jobs of `stage` ask for, by wildcards and number of the try."""
    needed, together = _needed(plan, cluster), resources.sharers(plan)

    def runtime(wildcards: Any, attempt: int) -> int:
        job = plan.of(stage, wildcards)
        sharing = together.get(resources.group_of(job) or "", 1)
        least = needed.get(job.name, resources.MINUTES[stage])
        return resources.minutes(least, attempt, cluster.longest_minutes, sharing)

    return runtime


def join_cluster(workflow: Any) -> None:
    """Let short jobs that are one job of a cluster run one after the other in there, in the room of one.

    Raises UserError for an entry of the profile that is wrong.
    """
    if _of_cluster(workflow):
        _cluster(workflow)
        workflow.register_resource(TURN, 1)
        workflow.resource_scopes[TURN] = "local"


def share_memory(workflow: Any) -> None:
    """Let the jobs on this machine ask for no more memory together than it has, where no limit is given."""
    local = workflow.is_main_process and workflow.resource_settings.nodes is None
    if local and "mem_mb" not in workflow.global_resources:
        workflow.register_resource("mem_mb", machine_memory_mb())


def machine_memory_mb() -> int:
    """Return the memory of this machine in MB, or the part of it that this container may take."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in LIMITS:
        if file.is_file() and (text := file.read_text(encoding="ascii").strip()).isdigit():
            found.append(int(text))
    return min(found) // 10**6
