"""The record of a finished job: what its files were made from, beside Snakemake's own memory."""

import json
from pathlib import Path
from typing import Any

from lossbench.files import write_text
from lossbench.records import Strict


def write_record(path: Path, digest: str, code: str, spec: Strict) -> None:
    """Write the record of a job to `path`, atomically; `digest` stands for all that decides its files."""
    content = {"digest": digest, "code": code, "spec": spec.model_dump(mode="json")}
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def differs(path: Path, digest: str, code: str, spec: Strict) -> str | None:
    """Say how what the record at `path` says differs from what would make the files now; None where it does not.

    Empty where the job itself is the same, but something that it rests on is not.
    """
    record = read_record(path)
    if record.get("digest") == digest:
        return None
    if not isinstance(record.get("spec"), dict):
        return "nothing says what it was made from"
    own = _differences(record.get("spec"), spec.model_dump(mode="json"))
    return "; ".join([*own, *(["its code differs"] if record.get("code") != code else [])])


def read_record(path: Path) -> dict[str, Any]:
    """Return the record at `path`; empty where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _differences(before: Any, after: Any, where: str = "") -> list[str]:
    """List by dotted name what differs between two plain values, as `recipe.steps: 6, now 7`."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [text for key in keys for text in _differences(before.get(key), after.get(key), f"{where}.{key}")]
    return [] if before == after else [f"{where.removeprefix('.')}: {_short(before)}, now {_short(after)}"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
