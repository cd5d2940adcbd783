"""What a user can mend: one clear message, no traceback."""

import difflib
import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))


class UserError(Exception):
    """A mistake that the user can mend; the message names the file or key, the value and the remedy."""


class Notice(UserWarning):
    """What was left out of a user's file or assumed of it, so that it is not passed over in silence."""

    def __init__(self, where: Path, what: str) -> None:
        """Say `what` of the file or folder `where`."""
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


@contextmanager
def gathered() -> Iterator[list[Notice]]:
    """Give the notices of the block as they come, in place of showing each; other warnings are shown as ever."""
    notices: list[Notice] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        show = warnings.showwarning

        def keep(message: Warning | str, *details: Any, **more: Any) -> None:
            if isinstance(message, Notice):
                notices.append(message)
            else:
                show(message, *details, **more)

        warnings.showwarning = keep
        yield notices


def summed_up(notices: Iterable[Notice]) -> list[str]:
    """Return a line for each kind of notice, with the first file and the number of the others."""
    files: dict[str, dict[Path, None]] = {}
    for notice in notices:
        files.setdefault(notice.what, {})[notice.where] = None
    return [
        f"{next(iter(found))}{f' and {len(found) - 1} more' if found.keys() - {next(iter(found))} else ''}: {what}"
        for what, found in files.items()
    ]


def say(notices: Iterable[Notice]) -> None:
    """Print a line for each kind of notice on standard error."""
    for line in summed_up(notices):
        print(f"warning: {line}", file=sys.stderr, flush=True)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of `known` is nearest to `name`, and list them all."""
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{match[0]}'? " if match else ""
    return f"{hint}known: {', '.join(names) or 'none'}"


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn a full disk, a used-up quota or a file size limit met in the block into a UserError naming `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # safetensors wraps the system's error and keeps nothing but its text
        reason = next((text for text in _NO_ROOM if text in str(error)), None)
        if reason is None:
            raise
        raise UserError(f"{path}: {reason}; make room there and rerun") from None


def exit_with_one_line(main: Callable[[], object]) -> None:
    """Run `main`; a UserError becomes one line on standard error and exit code 1, notices a line for each kind."""
    try:
        with gathered() as notices:
            main()
        say(notices)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
