"""The reproduction at a glance: config, plan, one include a stage, targets."""

import sys
from pathlib import Path

from lossbench.errors import UserError, tolerate
from pipeline.outputs.partial import forget
from pipeline.planning.plan import Plan
from snakemake.exceptions import WorkflowError


configfile: "config/config.yaml"


tolerate()


try:
    plan = Plan.from_config(config, looked=not workflow.is_main_process)
except UserError as error:
    raise WorkflowError(str(error)) from None

# a dry-run deletes nothing
if not {"-n", "--dry-run", "--dryrun"} & set(sys.argv):
    forget(Path(plan.root))


localrules:
    all,


wildcard_constraints:
    scale=plan.config.scale,
    seed="[0-9]+",


rule all:
    input:
        plan.targets(),


include: "workflow/inputs.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/train_classifier.smk"
include: "workflow/rules/train_distance.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/tabulate.smk"
include: "workflow/rules/judge.smk"
include: "workflow/rules/report.smk"


onstart:
    plan.require_data()
    plan.remember_data()


onerror:
    # a failed run must not hide the others' results from who asked for the report
    if "report" in sys.argv:
        from pipeline import partial_report

        print("report of what is there:", partial_report.main(plan))
