"""What the rules read. A result that came without Snakemake's memory of it is compared with what would make it now."""

from pipeline.planning.stale import differs
from snakemake.io import IOFile
from snakemake.settings.enums import RerunTrigger

made_again = set()


def inputs(stage, wildcards):
    """Return what a rule reads; have its outputs made again where they were made from something else."""
    job = plan.of(stage, wildcards)
    # whoever leaves this trigger out accepts what is there
    if workflow.is_main_process and RerunTrigger.PARAMS in workflow.rerun_triggers:
        there = [path for path in job.outputs().values() if Path(path).exists()]
        brought = [
            path for path in there if not workflow.persistence.metadata(IOFile(path))
        ]
        if brought and (why := differs(job)) is not None:
            if why and job.name not in made_again:
                print(f"{brought[0]} is made again: {why}", file=sys.stderr)
            made_again.add(job.name)
            workflow.dag.forcefiles.update(job.outputs().values())
    return job.inputs
