"""The record of a finished job: what its files were made from, and what they are, beside Snakemake's own memory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lossbench.files import write_text
from lossbench.records import Strict
from pipeline.records.made import Made, as_plain

FILES = "files"
DAMAGED = "damaged"
"""Entry that names a file which a later job found not to be what was made."""


def write_record(path: Path, digest: str, code: str, spec: Strict, files: Mapping[str, Made]) -> None:
    """Write the record of a job to `path`, atomically; `digest` stands for all that decides its `files`."""
    _write(path, {"digest": digest, "code": code, "spec": spec.model_dump(mode="json"), FILES: as_plain(files)})


def write_files(path: Path, files: Mapping[str, Made]) -> None:
    """Write to the record at `path`, atomically, that its `files` were looked at and are whole."""
    known = {name: value for name, value in read_record(path).items() if name != DAMAGED}
    _write(path, {**known, FILES: as_plain(files)})


def mark(path: Path, damaged: str) -> None:
    """Write to the record at `path`, atomically, that its file `damaged` is not what was made."""
    _write(path, {**read_record(path), DAMAGED: damaged})


def differs(record: Mapping[str, Any], digest: str, code: str, spec: Strict) -> str | None:
    """Say how what `record` says differs from what would make the files now; None where it does not.

    Empty where the job itself is the same, but something that it rests on is not.
    """
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


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def _differences(before: Any, after: Any, where: str = "") -> list[str]:
    """List by dotted name what differs between two plain values, as `recipe.steps: 6, now 7`."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [text for key in keys for text in _differences(before.get(key), after.get(key), f"{where}.{key}")]
    return [] if before == after else [f"{where.removeprefix('.')}: {_short(before)}, now {_short(after)}"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
