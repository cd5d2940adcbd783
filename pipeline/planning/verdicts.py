"""The jobs that check the metrics, judge the claims on a table, and write the page of all tables."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lossbench import plugins
from lossbench.assets import pyiqa_models
from pipeline.config.read import Configuration
from pipeline.planning.job import Job, plugin_module
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.generate import GenerateSpec
from pipeline.specs.harness import HarnessSpec
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.report import TEMPLATES, ReportSpec
from pipeline.specs.tabulate import TabulateSpec

GOLDEN = plugins.PACKAGE / "metrics/golden.csv"
GOLDEN_CLIPS = plugins.PACKAGE / "metrics/golden_clips.csv"


def checked(configuration: Configuration, scorings: Iterable[Job]) -> Job:
    """Return the comparison with golden values of all metrics of our own by which `scorings` score."""
    specs = [job.spec for job in scorings]
    scores = (EvaluateSpec, GenerateSpec)
    used = {metric.file for spec in specs if isinstance(spec, scores) for metric in spec.metrics}
    files = sorted(file for file in used if not pyiqa_models.named(file))
    modules = ("pipeline.harness", *(plugin_module("metrics", file) for file in files))
    clips = any(plugins.constant("metrics", file, "OVER", "picture") == "clip" for file in files)
    spec = HarnessSpec(golden=_digest(GOLDEN, *([GOLDEN_CLIPS] if clips else [])), metrics=tuple(files))
    return Job(configuration.root, "harness", (), spec, modules)


def judged(configuration: Configuration, table: Job, harness: Job) -> Job:
    """Return the judging of the claims on a made table."""
    assert isinstance(table.spec, TabulateSpec)
    name = "/".join(table.key)
    spec = JudgeSpec(
        table=table.spec,
        claims=(*configuration.claims[name], *_again(table.spec)),
        full_scale=configuration.scale.full and not table.spec.stand_ins,
        published_runs=configuration.tables[name].published_runs,
    )
    reads = {"harness": harness.writes("harness"), "scores": table.reads["scores"]}
    return Job(configuration.root, "judge", table.key, spec, ("pipeline.judge",), reads)


def _again(table: TabulateSpec) -> Iterator[Claim]:
    """Give an A/A test by each metric: neither is better, so that a direction is a false one."""
    for metric in table.metrics if table.again else ():
        yield Claim(
            id=f"again_{metric.name}",
            kind="again",
            table=f"{table.paper}/{table.table}",
            better=table.again or "",
            than=table.reference_loss,
            metric=metric.name,
            source="A/A test",
            text=f"{table.reference_loss} is better than itself under other seeds, in {metric.name}",
        )


def reported(
    configuration: Configuration, tables: Sequence[Job], verdicts: Sequence[Job], drawings: Sequence[Job]
) -> Job:
    """Return the writing of the page of `tables`, of the `verdicts` on them, and of the `drawings` of their figures."""
    spec = ReportSpec(page=_digest(*sorted(TEMPLATES.iterdir())), title=configuration.scale.title)
    tasks = {task.name for task in configuration.config.tasks.values()}
    modules = ("pipeline.report", *(plugin_module("tasks", name) for name in sorted(tasks)))
    reads = {
        "verdicts": [job.writes("verdicts") for job in verdicts],
        "tables": [job.writes("long") for job in tables],
        "figures": [job.writes("picture") for job in drawings],
    }
    return Job(configuration.root, "report", (), spec, modules, reads)


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
