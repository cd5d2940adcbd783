"""One process a run: whoever comes second is told so, and which the first is."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from lossbench.errors import UserError, room_for
from lossbench.files import check_writable
from lossbench.turns import lock_at

LOCK = "run.lock"
"""In the folder of the run; holds number and machine of the process that works there, or did last."""


@contextmanager
def exclusive(output: Path) -> Iterator[None]:
    """Make the folder `output`, keep other processes off it, and sweep up what a killed one left half-written.

    Raises UserError when nothing can be written there, when another process holds it, which it names, and when the
    disk fills up.
    """
    check_writable(output, "--output")
    lock = lock_at(output / LOCK)
    # read first: taking a lock may empty its file
    holder = _holder(output / LOCK)
    try:
        with lock.acquire(blocking=False), room_for(output):
            (output / LOCK).write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
            for leftover in output.glob(".*.partial.*"):
                leftover.unlink()
            yield
    except Timeout:
        raise UserError(f"{output}: another process works on this run{holder}; wait for it or stop it") from None


def _holder(lock: Path) -> str:
    """Return which process the file `lock` names, in brackets; nothing where it names none."""
    try:
        text = lock.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return f" ({text})" if text else ""
