"""The reproduction at a glance: config, plan, one include a stage, targets."""

from pipeline.errors import UserError
from pipeline.plan import Plan
from snakemake.exceptions import WorkflowError


configfile: "config/config.yaml"


try:
    plan = Plan.from_config(config)
except UserError as error:
    raise WorkflowError(str(error)) from None


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
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/tabulate.smk"


onstart:
    plan.require_data()
