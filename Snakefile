"""The reproduction at a glance: config, plan, one include a stage, targets."""

from pathlib import Path

from lossbench.errors import UserError, tolerate
from pipeline.cluster import clouds
from pipeline.config import read
from pipeline.planning import session
from pipeline.planning.plan import Plan
from pipeline.processes import signatures, time_left
from snakemake.exceptions import WorkflowError

try:
    # Snakemake's own reader lets the last of two equal entries win
    read.check_files(Path("config"), workflow.configfiles)
except UserError as error:
    raise WorkflowError(str(error)) from None


configfile: "config/config.yaml"


tolerate()
session.hasten()


try:
    plan = Plan.from_config(
        config,
        given=workflow.config_settings.config,
        looked=not workflow.is_main_process,
    )
    session.join_cluster(workflow)
    in_cloud = clouds.share_folder(workflow)
except UserError as error:
    raise WorkflowError(str(error)) from None

shell.prefix(session.prefix(workflow))
session.share_memory(workflow)


localrules:
    all,


wildcard_constraints:
    scale=plan.config.scale,
    seed="[0-9]+",


rule all:
    input:
        plan.targets(),


include: "workflow/rules/prepare.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/train_classifier.smk"
include: "workflow/rules/train_distance.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/tabulate.smk"
include: "workflow/rules/judge.smk"
include: "workflow/rules/report.smk"


signatures.keep(workflow)


onstart:
    session.begin()
    if session.runs_jobs(workflow):
        jobs = session.jobs_to_run(workflow, plan)
        try:
            session.check_places(jobs.values())
            session.bring_to_present(jobs.values())
            plan.require_data(jobs.values())
        except UserError as error:
            raise WorkflowError(str(error)) from None
        plan.remember_data()
        session.allow_tries(workflow, plan)
        session.start_quickly(workflow)
        session.look_when_jobs_end(workflow)
        time_left.show(workflow, plan, jobs)
        if in_cloud:
            clouds.begin_here(workflow)


onerror:
    # a failed run must not hide the others' results from who asked for the report
    if session.wants_report(workflow):
        from pipeline import partial_report

        partial_report.announce(plan)
