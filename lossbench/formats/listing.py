"""The pictures in a folder, and what else lies there."""

import errno
import os
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from lossbench.assets.contents import CLOSED
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
    extensions that leads nowhere, what is no regular file, and a folder that is closed to this user.
    """
    pictures, folders, others = [], [], []
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        raise UserError(f"{folder} is {CLOSED}") from None
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if _is(entry.is_dir):
            folders.append(entry.name)
        elif path.suffix.lower() not in extensions:
            others.append(entry.name)
        elif _is(entry.is_file):
            pictures.append(path)
        elif is_there(path):
            raise UserError(f"{path} is no regular file; mend or remove it")
    found = Listing(folder, sorted(pictures), sorted(folders), sorted(others))
    if said and pictures and (rest := found.passed_over()):
        warnings.warn(Notice(folder, f"{rest} passed over"), stacklevel=2)
    return found


def is_there(path: Path) -> bool:
    """Return whether there is a file or folder at `path`.

    Raises UserError for a link that leads nowhere, as to a disk that is not mounted, and for what is closed to this
    user: neither is to be taken for absent.
    """
    try:
        path.stat()
    except PermissionError:
        raise UserError(f"{path} is {CLOSED}") from None
    except OSError as error:
        if not os.path.islink(path):
            return False
        what = "leads back to itself" if error.errno == errno.ELOOP else "is missing"
        raise UserError(f"{path} is a link to {os.readlink(path)}, which {what}; mend or remove it") from None
    return True


def _is(kind: Callable[[], bool]) -> bool:
    """Return what an entry says of its `kind`; False where that can't be told, as of a link that leads to itself."""
    try:
        return kind()
    except OSError:
        return False


def _named(names: list[str], word: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"the {word}{'s' if len(names) > 1 else ''} {', '.join(names[:NAMED])}{more}"
