"""The pictures in a folder, and what else lies there."""

import os
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lossbench.errors import Notice, UserError

NAMED = 3
"""Names that are said of what is passed over."""


@dataclass(frozen=True)
class Listing:
    """What a folder holds; hidden files are no part of it."""

    folder: Path
    pictures: list[Path]
    """By name."""
    folders: list[str]
    others: list[str]
    """Files with another extension, by name."""

    def passed_over(self) -> str:
        """Return what is not read, such as `the sub-folder old and the file a.gif`; empty when there is nothing."""
        kinds = [_named(names, word) for names, word in ((self.folders, "sub-folder"), (self.others, "file")) if names]
        return " and ".join(kinds)


def listed(folder: Path, extensions: Collection[str], said: bool = True) -> Listing:
    """List the files of `folder` with one of `extensions` (lower case, with the dot).

    Sub-folders and other files are passed over, with a Notice where `said`. Raises UserError for a link with one of the
    extensions that leads nowhere.
    """
    pictures, folders, others = [], [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            if entry.is_dir():
                folders.append(entry.name)
            elif path.suffix.lower() not in extensions:
                others.append(entry.name)
            elif entry.is_file():
                pictures.append(path)
            else:
                leads = f"a link to {os.readlink(path)}, which is missing" if entry.is_symlink() else "no regular file"
                raise UserError(f"{path} is {leads}; mend or remove it")
    found = Listing(folder, sorted(pictures), sorted(folders), sorted(others))
    if said and pictures and (rest := found.passed_over()):
        warnings.warn(Notice(folder, f"{rest} passed over"), stacklevel=2)
    return found


def _named(names: list[str], word: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"the {word}{'s' if len(names) > 1 else ''} {', '.join(names[:NAMED])}{more}"
