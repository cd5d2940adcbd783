"""What a user can mend: one clear message, no traceback."""

import difflib
import errno
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST = 60
"""Characters of a value that a message shows."""

_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))


class UserError(Exception):
    """A mistake that the user can mend; the message names the file or key, the value and the remedy."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of `known` is nearest to `name`, in whatever case it is written, and list them all."""
    names = sorted(known)
    by_lower_case = {each.casefold(): each for each in names}
    match = difflib.get_close_matches(name.casefold(), by_lower_case, n=1, cutoff=0.5)
    hint = f"did you mean '{by_lower_case[match[0]]}'? " if match else ""
    return f"{hint}known: {', '.join(names) or 'none'}"


def shown(value: Any) -> str:
    """Return `value` as a message shows it: YAML's words for nothing, true and false, and not too long."""
    words = {None: "nothing", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def as_number(text: str, whole: bool = False) -> str | None:
    """Return how YAML has the number that `text` means, such as `100.0 or 1.0e+2` for `1e2`; None where it is none.

    YAML takes an exponent without a point or a sign for text. One that must be `whole` and is not is none.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value) or (whole and value != int(value)):
        return None
    if whole:
        return f"{int(value)} without quotes" if text.strip() == str(int(value)) else str(int(value))
    if "e" not in text.casefold():
        return f"{text.strip()} without quotes"
    mantissa, exponent = f"{value:e}".split("e")
    mantissa = mantissa.rstrip("0")
    mantissa += "0" if mantissa.endswith(".") else ""
    scientific = f"{mantissa}e{int(exponent):+d}"
    plain = f"{value!r}"
    return scientific if "e" in plain else f"{plain} or {scientific}"


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Name the file and entry `where` in a UserError of the block."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


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
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
