"""What a user can mend: one clear message, no traceback, on every terminal and in every log."""

import difflib
import errno
import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, of bytes that are not UTF-8 (`os.fsdecode`), and of line breaks."""


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


def one_line(text: str, keep: str = "") -> str:
    r"""Return `text` with what is not printable escaped as Python does (`\n`, `\xff`), save the characters `keep`."""
    return "".join(
        character if character in keep or unicodedata.category(character) not in UNPRINTABLE else _escaped(character)
        for character in text
    )


def shown(name: str) -> str:
    """Return the name of a file on one line; different names give different text."""
    return one_line(name.replace("\\", "\\\\"))


def tolerate() -> None:
    r"""Let standard output and error take every character: what their encoding lacks is printed as `\u2192`."""
    for stream in (sys.stdout, sys.stderr):
        # a stream that a program put in their place has no encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _escaped(character: str) -> str:
    code = ord(character)
    # bytes that are not UTF-8 come as these
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()
