"""Where the files of the configuration lie: those of the project, and a user's own in the folder `mine` beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lossbench.errors import UserError, nearest

MINE = "mine"
"""Folder of the configuration with scales, tables and claims of the user, laid out as the configuration itself."""

WIDE = "_wide"
"""Ends the name of the wide form of a table."""


def named_file(folder: Path, section: str, name: str, kind: str) -> Path:
    """Return the file `name` of the `section` of the configuration in `folder`, the project's or the user's own.

    Raises UserError with the nearest `kind` for an unknown one, and naming both files where there are two.
    """
    found = [file for place in _places(folder, section) if (file := place / f"{name}.yaml").is_file()]
    if len(found) > 1:
        raise UserError(f"{kind} '{name}' is both {found[0]} and {found[1]}; give one of them another name")
    if not found:
        known = names(folder, section)
        raise UserError(f"unknown {kind} '{name}' (no {folder / section / name}.yaml); {nearest(name, known)}")
    return found[0]


def names(folder: Path, section: str) -> list[str]:
    """List the names of the files of a `section`, the project's and the user's own, sorted."""
    return sorted(
        str(file.relative_to(place).with_suffix(""))
        for place in _places(folder, section)
        for file in place.rglob("*.yaml")
    )


def claim_files(folder: Path, table: str) -> Iterator[Path]:
    """Give the files of claims on the table `paper/table`: the paper's, and one of a user's own table."""
    paper = table.split("/")[0]
    for place in (folder / f"claims/{paper}.csv", folder / MINE / f"claims/{table}.csv"):
        if place.is_file():
            yield place


def table_file(folder: Path, name: str) -> Path:
    """Return the file of the table `name`; raises UserError for an unknown one and for a name that can't be one."""
    file = named_file(folder, "tables", name, "table")
    parts = name.split("/")
    if len(parts) != 2 or not all(part.strip(".") for part in parts):
        place = f"config/tables/<paper>/{file.name}"
        raise UserError(
            f"{file}: the table lies in no paper's folder; move it to {place} and name it <paper>/{file.stem}"
        )
    if name.endswith(WIDE):
        raise UserError(f"{file}: a table's name can't end in {WIDE}, as its wide form does; give it another")
    return file


def data_folder(root: Path, name: str) -> Path:
    """Return the folder of the data set `name` in the user's data root, `set5` or as its authors write it, `Set5`."""
    own = root / name
    if own.exists() or not root.is_dir():
        return own
    return next((folder for folder in sorted(root.iterdir()) if folder.name.lower() == name), own)


def _places(folder: Path, section: str) -> tuple[Path, Path]:
    return folder / section, folder / MINE / section
