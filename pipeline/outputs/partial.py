"""Remembers which outputs rest on missing cells: Snakemake would take them for finished."""

import json
from collections.abc import Iterable
from pathlib import Path

from lossbench.files import write_text

MARK = "report/partial.json"


def remember(root: Path, files: Iterable[Path]) -> None:
    """Write down `files`, which lie below the results folder `root`, as partial."""
    write_text(root / MARK, json.dumps([str(file.relative_to(root)) for file in files], indent=1) + "\n")


def forget(root: Path) -> None:
    """Delete what was remembered, so that the next run makes it anew; nothing to do where nothing was."""
    mark = root / MARK
    if not mark.is_file():
        return
    for name in json.loads(mark.read_text(encoding="utf-8")):
        (root / name).unlink(missing_ok=True)
    mark.unlink()
