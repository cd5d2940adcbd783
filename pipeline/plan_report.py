"""What a scale would run and what is missing for it, in words or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.configuration import values
from pipeline.plan import Plan


def report(scale: str | None, folder: Path, as_json: bool) -> None:
    """Print the jobs of each stage, the tables, and what is missing; raises UserError for a bad configuration."""
    plan = Plan.from_config({**values(folder), **({"scale": scale} if scale else {})}, folder)
    content: dict[str, Any] = {
        "scale": plan.config.scale,
        "tables": plan.table_names,
        "jobs": {stage: len(jobs) for stage, jobs in plan.jobs.items()},
        "missing": plan.missing(),
    }
    print(json.dumps(content, indent=1) if as_json else _words(content))


def _words(content: dict[str, Any]) -> str:
    jobs = ", ".join(f"{count} {stage}" for stage, count in content["jobs"].items())
    lines = [f"scale {content['scale']}: {', '.join(content['tables'])}", f"jobs: {jobs}"]
    lines += [f"missing: {text}" for text in content["missing"]] or ["nothing is missing"]
    return "\n".join(lines)
