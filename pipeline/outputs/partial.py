"""Remembers which outputs rest on missing cells: Snakemake would take them for finished."""

import json
from collections.abc import Iterable
from pathlib import Path

from lossbench.errors import UserError
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
    try:
        names = [str(name) for name in json.loads(mark.read_text(encoding="utf-8"))]
    except (ValueError, TypeError):
        raise UserError(f"{mark} is damaged; delete {mark.parent} and the tables and verdicts of {root}") from None
    for name in names:
        file = (root / name).resolve()
        if file.is_relative_to(root.resolve()):
            file.unlink(missing_ok=True)
    mark.unlink()
