"""What rules ask of a cluster, with Snakemake's state made up."""

from types import SimpleNamespace
from typing import Any

from snakemake.resources import Resource
from snakemake.rules import Rule

from pipeline.planning import session
from pipeline.planning.cost import STAGES
from pipeline.planning.plan import Plan


def workflow(
    threads: dict[str, int] | None = None, *, nodes: int | None = 100, main: bool = True, **entries: str
) -> Any:
    """Return the state of a run with `threads` of stages and entries of default-resources."""
    set_threads = {stage: Resource("_cores", count) for stage, count in (threads or {}).items()}
    given = {name: SimpleNamespace(raw=one) for name, one in entries.items()}
    made = SimpleNamespace(
        is_main_process=main,
        resource_settings=SimpleNamespace(
            nodes=nodes, _parsed_default_resources=given, _parsed_overwrite_threads=set_threads
        ),
        execution_settings=SimpleNamespace(retries=3),
        remote_execution_settings=SimpleNamespace(preemptible_rules=SimpleNamespace(is_preemptible=lambda name: False)),
        dryrun=False,
        touch=False,
        global_resources={},
        resource_scopes={},
    )
    made.register_resource = made.global_resources.__setitem__
    made.get_rule = {stage: Rule(stage, made, 0, "Snakefile") for stage in STAGES}.__getitem__
    return made


def asked(state: Any, plan: Plan, stage: str, key: tuple[str, ...], attempt: int = 1) -> dict[str, Any]:
    """Return what the job asks for."""
    wildcards = plan.job(stage, key).wildcards
    values = session.asks(state, plan, stage, plan.scale.gpus)
    runtime = {"runtime": values.pop("runtime")(wildcards, attempt)} if "runtime" in values else {}
    return {name: one(wildcards) if callable(one) else one for name, one in values.items()} | runtime


def first(plan: Plan, stage: str, network: str | None = None) -> tuple[str, ...]:
    """Return the key of the first job, of a network where one is given."""
    return next(key for key in plan.jobs[stage] if network is None or key[2] == network)


def tries(plan: Plan, stage: str, **changes: Any) -> int:
    """Return how often Snakemake tries a failed job of `stage` again."""
    state = workflow(**changes)
    rule = state.get_rule(stage)
    # as Snakemake sets it of a rule that does not say
    rule.restart_times = None
    session.allow_tries(state, plan)
    found: int = rule.restart_times
    return found
