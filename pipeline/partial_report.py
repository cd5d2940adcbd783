"""The report of what is there, when some runs failed: names every missing cell and why it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline import harness, judge, report, tabulate
from pipeline.errors import UserError
from pipeline.partial_outputs import remember
from pipeline.plan import Plan
from pipeline.planned_job import PUBLIC, Job, Key
from pipeline.specs.harness import HarnessSpec
from pipeline.specs.judge import JudgeSpec, MissingCell
from pipeline.specs.report import ReportSpec
from pipeline.specs.tabulate import Cell

MADE = {
    "prepare": "prepare/{}/target.json",
    "degrade": "prepare/{}/low_quality.json",
    "pretrain": "pretrain/{}/network.safetensors",
    "import_weights": f"pretrain/{{}}/{PUBLIC}/network.safetensors",
    "train_classifier": "train_classifier/{}/network.safetensors",
    "train_distance": "train_distance/{}/network.safetensors",
    "train": "train/{}/model.safetensors",
    "evaluate": "evaluate/{}.csv",
}
"""What each stage makes, under the results of the scale; the job's key stands for the braces."""
FORMATS = (".csv", "_wide.csv", ".md", ".tex", ".html")
BESIDE = {
    "train": ("card.json",),
    "train_classifier": ("card.json", "classifier.safetensors", "scores.csv", "chance.csv"),
}
"""What some of them make beside it."""
LOGS = {**{stage: f"logs/{stage}/{{}}.log" for stage in MADE}, "import_weights": f"logs/pretrain/{{}}/{PUBLIC}.log"}


def main(plan: Plan) -> Path:
    """Write tables, verdicts and the page from the cells that are there, and return the page's path.

    Tables without a single run are left out. What rests on missing cells is remembered, so that the next run makes it
    anew. Raises UserError when no table has a run.
    """
    root = Path(plan.root)
    checked = _harness(plan, root / "harness.json")
    producers = dict(_producers(plan))
    written: list[Path] = []
    partial: list[Path] = []
    for name in plan.table_names:
        job = plan.job("judge", name.split("/"))
        assert isinstance(job.spec, JudgeSpec)
        spec = _partial(plan, job.spec, producers)
        if not any(cell.card for cell in spec.table.cells):
            continue
        table = root / "tables" / f"{name}.csv"
        if spec.missing or not table.is_file():
            tabulate.main(spec.table, plan.job("tabulate", name.split("/")).code, table)
        written.append(root / "verdicts" / f"{name}.json")
        judge.main(spec, job.code, harness=checked, output=written[-1])
        if spec.missing:
            partial += [written[-1], *(table.with_name(f"{table.stem}{ending}") for ending in FORMATS)]
    if not written:
        raise UserError(f"{root}: no table has a finished run yet; run snakemake first")
    page = root / "report/index.html"
    shown = plan.job("report", ())
    assert isinstance(shown.spec, ReportSpec)
    report.main(shown.spec, written, page, shown.code)
    remember(root, [*partial, page, page.with_name("claims.json")])
    return page


def _harness(plan: Plan, path: Path) -> Path:
    if not path.is_file():
        job = plan.job("harness", ())
        assert isinstance(job.spec, HarnessSpec)
        harness.main(job.spec, job.code, path)
    return path


def _partial(plan: Plan, spec: JudgeSpec, producers: dict[str, tuple[str, Key, Job]]) -> JudgeSpec:
    """Return the spec of the cells whose files are there, the others listed as missing."""
    missing, left = [], []
    for cell in spec.table.cells:
        absent = [file for file in _files(cell) if not Path(file).is_file()]
        if absent:
            names = {name: getattr(cell, name) for name in ("column", "network", "loss", "seed")}
            missing.append(MissingCell(**names, file=absent[0], why=_why(plan, absent[0], producers)))
        else:
            left.append(cell)
    return spec.model_copy(
        update={"table": spec.table.model_copy(update={"cells": tuple(left)}), "missing": tuple(missing)}
    )


def _files(cell: Cell) -> list[str]:
    return [cell.scores, *([cell.card] if cell.card else [])]


def _producers(plan: Plan) -> Iterator[tuple[str, tuple[str, Key, Job]]]:
    for stage, made in MADE.items():
        for key, job in plan.jobs.get(stage, {}).items():
            file = f"{plan.root}/{made.format('/'.join(key))}"
            yield file, (stage, key, job)
            for name in BESIDE.get(stage, ()):
                yield str(Path(file).with_name(name)), (stage, key, job)


def _why(plan: Plan, file: str, producers: dict[str, tuple[str, Key, Job]]) -> str:
    """Follow the missing inputs of what makes `file` to the job that failed, and return what it said last."""
    stage, key, job = producers[file]
    for entry in job.inputs.values():
        for needed in [entry] if isinstance(entry, str) else entry:
            if needed in producers and not Path(needed).is_file():
                return _why(plan, needed, producers)
    log = Path(plan.root) / LOGS[stage].format("/".join(key))
    name = f"{stage} {'/'.join(key)}"
    try:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return f"{name} was not run"
    said = [line for line in lines if line.startswith("error: ")] or lines or ["nothing"]
    return f"{name} failed: {said[-1].removeprefix('error: ')}"
