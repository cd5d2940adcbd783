"""One process at a time where two would write the same files."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lossbench.errors import UserError, tell

AGAIN = 60.0
"""Seconds after which whoever waits says so again."""


def lock_at(file: Path) -> FileLock:
    """Return the lock of `file`, which is made, with its folder, where it is not there; it is not taken yet.

    Raises UserError naming the file where that can't be: a lock alone would take it for one that another process holds.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.touch()
    except OSError as error:
        raise UserError(f"{file}: this file can't be made ({error.strerror}); give another folder") from None
    return FileLock(file)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait, and say so, until no other process that takes turns writes to `folder`; a killed one gives its turn up.

    The lock is a hidden file beside the folder, so that what lies in it is what was put there. Raises UserError where
    that can't be written.
    """
    whole = folder.resolve()
    lock = lock_at(whole.with_name(f".{whole.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _wait(lock, folder)
    try:
        yield
    finally:
        lock.release()


def _wait(lock: FileLock, folder: Path) -> None:
    """Take `lock` when it is free, and say how long that takes."""
    tell(f"{folder}: another process writes there; waiting for it")
    began = time.monotonic()
    while not lock.is_locked:
        try:
            lock.acquire(timeout=AGAIN)
        except Timeout:
            tell(f"{folder}: another process writes there still; waiting for it for {time.monotonic() - began:.0f} s")
