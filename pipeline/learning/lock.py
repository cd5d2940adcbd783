"""One process a run: whoever comes second is told so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lossbench.errors import UserError, room_for
from lossbench.files import check_writable


@contextmanager
def exclusive(output: Path) -> Iterator[None]:
    """Make the folder `output`, keep other processes off it, and sweep up what a killed one left half-written.

    Raises UserError when nothing can be written there, when another process holds it, and when the disk fills up.
    """
    check_writable(output, "--output")
    output.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(output / "run.lock", blocking=False), room_for(output):
            for leftover in output.glob(".*.partial.*"):
                leftover.unlink()
            yield
    except Timeout:
        raise UserError(f"{output}: another process works on this run; wait for it or stop it") from None
