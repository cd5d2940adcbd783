"""What a user can mend: one clear message, no traceback."""

import difflib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lossbench.printing import one_line, tolerate

_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))


class UserError(Exception):
    """A mistake that the user can mend; the message names the file or key, the value and the remedy."""

    def __str__(self) -> str:
        """Return the message with what is not printable escaped, so that every terminal and log takes it."""
        return one_line(super().__str__(), keep="\n")


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
    """Run `main`; a UserError becomes one line on standard error and exit code 1."""
    tolerate()
    try:
        main()
    except UserError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
