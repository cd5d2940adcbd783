"""The report of what is there, when some runs failed: names every missing cell and why it is missing."""

from collections.abc import Mapping
from pathlib import Path

from lossbench.errors import UserError
from pipeline import figure, harness, judge, report, tabulate
from pipeline.outputs.partial import remember
from pipeline.pages.figures import DRAWING
from pipeline.planning.job import Job, Key
from pipeline.planning.plan import Plan
from pipeline.specs.figure import FigureSpec
from pipeline.specs.harness import HarnessSpec
from pipeline.specs.judge import JudgeSpec, MissingCell
from pipeline.specs.report import ReportSpec
from pipeline.specs.tabulate import Cell


def announce(plan: Plan) -> None:
    """Write the report of what is there and say where it is, or why there is none."""
    try:
        print("report of what is there:", main(plan))
    except UserError as error:
        print(f"no report of what is there: {error}")


def main(plan: Plan) -> Path:
    """Write tables, figures, verdicts and the page from the cells that are there, and return the page's path.

    Tables without a single run are left out. What rests on missing cells is remembered, so that the next run makes it
    anew. Raises UserError when no table has a run.
    """
    check = plan.job("harness", ())
    assert isinstance(check.spec, HarnessSpec)
    checked = Path(check.writes("harness").path)
    if not checked.is_file():
        harness.main(check.spec, check.code, checked)
    shown = plan.job("report", ())
    assert isinstance(shown.spec, ReportSpec)
    drawings: dict[Key, list[Job]] = {}
    for file in shown.files_read():
        if file.job.stage in DRAWING:
            drawings.setdefault(file.job.key, []).append(file.job)
    makers = plan.makers()
    written: list[Path] = []
    figures: list[Path] = []
    partial: list[Path] = []
    for name in plan.table_names:
        job, made = (plan.job(stage, name.split("/")) for stage in ("judge", "tabulate"))
        assert isinstance(job.spec, JudgeSpec)
        spec = _partial(job.spec, makers)
        if not any(cell.card for cell in spec.table.cells):
            continue
        files = {name: Path(path) for name, path in made.outputs().items()}
        if spec.missing or not files["long"].is_file():
            tabulate.main(spec.table, made.code, files["long"])
        written.append(Path(job.writes("verdicts").path))
        judge.main(spec, job.code, harness=checked, output=written[-1])
        if spec.missing:
            partial += [written[-1], *files.values()]
        for drawing in drawings.get(job.key, ()):
            picture = Path(drawing.writes("picture").path)
            if isinstance(drawing.spec, FigureSpec) and (spec.missing or not picture.is_file()):
                figure.main(drawing.spec.model_copy(update={"table": spec.table}), drawing.code, picture)
                partial += map(Path, drawing.outputs().values()) if spec.missing else ()
            # bars are drawn of a whole table
            if isinstance(drawing.spec, FigureSpec) or not spec.missing:
                figures.append(picture)
    if not written:
        raise UserError(f"{plan.root}: no table has a finished run yet")
    page, claims = (Path(shown.writes(name).path) for name in ("page", "claims"))
    report.main(shown.spec, shown.code, written, page, figures)
    remember(Path(plan.root), [*partial, page, claims])
    return page


def _partial(spec: JudgeSpec, makers: Mapping[str, Job]) -> JudgeSpec:
    """Return the spec of the cells whose files are there, the others listed as missing."""
    missing, left = [], []
    for cell in spec.table.cells:
        if absent := _absent(cell):
            place = cell.model_dump(include={"column", "network", "loss", "seed"})
            missing.append(MissingCell(**place, file=absent[0], why=_why(makers[absent[0]])))
        else:
            left.append(cell)
    noise = tuple(cell for cell in spec.table.noise_cells if not _absent(cell))
    table = spec.table.model_copy(update={"cells": tuple(left), "noise_cells": noise})
    return spec.model_copy(update={"table": table, "missing": tuple(missing)})


def _absent(cell: Cell) -> list[str]:
    return [file for file in (cell.scores, cell.card) if file and not Path(file).is_file()]


def _why(job: Job) -> str:
    """Follow the missing inputs of `job` to the job that failed, and return what that one said last."""
    for file in job.files_read():
        if not Path(file.path).is_file():
            return _why(file.job)
    try:
        text = Path(job.log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{job} was not run"
    lines = [line for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("error: ")] or lines or ["nothing"]
    return f"{job} failed: {said[-1].removeprefix('error: ')}"
