"""What a scale would run, what that costs and what is missing for it, in words or as JSON."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from lossbench.usage.folding import folded, room
from pipeline.config.read import values
from pipeline.planning.cost import CostRow, estimates, trainings
from pipeline.planning.measured_steps import FILE, Measurement, read, step_of
from pipeline.planning.plan import Plan


def report(scale: str | None, folder: Path, as_json: bool) -> None:
    """Print the jobs of each stage, the tables, GPU-hours where the scale asks for GPUs, and what is missing.

    Raises UserError for a bad configuration and for a damaged file of measured steps.
    """
    plan = Plan.from_config({**values(folder), **({"scale": scale} if scale else {})}, folder, unmeasured=True)
    content = described(plan, read(folder / FILE))
    print(json.dumps(content, indent=1) if as_json else in_words(content))


def described(plan: Plan, measured: dict[str, Measurement]) -> dict[str, Any]:
    """Return what is to be said of `plan`, as JSON has it; GPU-hours come from the steps `measured`.

    `download` has the bytes of the missing archives whose size is known, and the names of data sets without one.
    """
    missing = plan.absent()
    sizes = {one.name: one.download for one in missing if one.download is not None}
    unknown = sorted(name for name, size in sizes.items() if not size)
    content: dict[str, Any] = {
        "scale": plan.config.scale,
        "tables": plan.table_names,
        "jobs": {stage: len(jobs) for stage, jobs in plan.jobs.items()},
        "missing": [one.text for one in missing],
        # data sets that come in one archive state one size
        "download": {"bytes": sum(set(sizes.values())), "of_unknown_size": unknown},
    }
    if undecided := plan.undecided():
        content["undecided"] = undecided
    return {**content, "gpu_hours": gpu_hours(plan, measured)} if plan.scale.gpus else content


def gpu_hours(plan: Plan, measured: dict[str, Measurement]) -> dict[str, Any]:
    """Return what the trainings of `plan` cost on the devices of the steps `measured`, as JSON has it.

    `stages` counts every job once, and so does `total`; `tables` count what each of them needs. `unmeasured` gives the
    number of jobs, in no hours, by the words of a step that nobody measured or that did not fit the device.
    """
    rows = estimates(plan, measured)
    stages, tables = ([row for row in rows if (row.table is None) == whole] for whole in (True, False))
    steps = [step_of(measured, one.what, one.parts) for one in trainings(plan).values()]
    unmeasured = sum((row.unmeasured for row in stages), Counter[str]())
    return {
        "devices": sorted({step.device for step in steps if step and step.seconds}),
        "total": _hours(stages),
        "stages": [row.summary() for row in stages],
        "tables": [row.summary() for row in tables],
        "total_of_tables": _hours(tables),
        "unmeasured": dict(sorted(unmeasured.items())),
    }


def _hours(rows: list[CostRow]) -> float:
    return round(sum(row.gpu_hours for row in rows), 2)


def in_words(content: dict[str, Any]) -> str:
    """Return what `described` gave as lines to read, which fit the terminal."""
    jobs = ", ".join(f"{count} {stage}" for stage, count in content["jobs"].items())
    lines = [f"scale {content['scale']}: {', '.join(content['tables'])}", f"jobs: {jobs}"]
    if "gpu_hours" in content:
        lines += _cost(content["scale"], content["gpu_hours"])
    if "undecided" in content:
        lines.append(f"can't be run yet: {content['undecided']}")
    lines += [f"missing: {text}" for text in content["missing"]] or ["nothing is missing"]
    if content["missing"]:
        unknown = content["download"]["of_unknown_size"]
        rest = f"; the size of {', '.join(unknown)} is not known" if unknown else ""
        lines.append(f"download of what is missing: {content['download']['bytes'] / 1e9:.1f} GB{rest}")
    return "\n".join(part for line in lines for part in _fitting(line))


def _fitting(line: str) -> list[str]:
    text = line.lstrip()
    return folded(text, room(), line.removesuffix(text))


def _cost(scale: str, found: dict[str, Any]) -> list[str]:
    """Say what the trainings cost, a line a stage and a line a table."""
    lines = ["GPU-hours of the trainings: no step of them is measured"]
    if found["devices"]:
        devices = " and ".join(found["devices"])
        lines = [f"GPU-hours of the trainings on {devices}; drawing data, evaluation and reports are not in them:"]
        for row in found["stages"]:
            seconds, counted = row["seconds_per_step"], row["jobs"] - row["unmeasured_jobs"]
            pace = f", {row['steps']:,} steps of {seconds:.3g} s" if seconds else ""
            lines.append(f"  {row['stage']}: {row['gpu_hours']:,.1f} for {counted} of {row['jobs']} jobs{pace}")
        lines.append(f"  all stages: {found['total']:,.1f}")
        for table in dict.fromkeys(row["table"] for row in found["tables"]):
            rows = [row for row in found["tables"] if row["table"] == table]
            parts = ", ".join(f"{row['stage']} {row['gpu_hours']:,.1f}" for row in rows)
            lines.append(f"  {table}: {sum(row['gpu_hours'] for row in rows):,.1f} ({parts})")
        lines.append(f"  tables share jobs: their sum of {found['total_of_tables']:,.1f} counts some more than once")
    for what, jobs in found["unmeasured"].items():
        lines.append(f"  not measured and not in them, {jobs} {'job' if jobs == 1 else 'jobs'}: {what}")
    if found["unmeasured"]:
        lines.append(f"  to measure these: python benchmarks/gpu_hours.py --scale {scale}")
    return lines
