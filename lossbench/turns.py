"""One process at a time where two would write the same files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lossbench.errors import tell


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait, and say so, until no other process that takes turns writes to `folder`; a killed one gives its turn up.

    The lock is a hidden file beside the folder, so that what lies in it is what was put there. Raises OSError where
    that can't be written.
    """
    whole = folder.resolve()
    whole.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(whole.with_name(f".{whole.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        tell(f"{folder}: another process writes there; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
