"""How far a verb is: a plain line on standard error every few seconds, and none of what is quick."""

import time
from collections.abc import Callable
from datetime import timedelta

from lossbench.errors import tell

QUIET = 5.0
"""Seconds between two lines of progress, and before the first."""


def progress(
    total: int, verb: str = "measure", what: str = "pictures", clock: Callable[[], float] = time.monotonic
) -> Callable[[int], None]:
    """Return a function that says on standard error how many of `total` are done, every few seconds."""
    began = printed = clock()

    def done(number: int) -> None:
        nonlocal printed
        now = clock()
        if now - printed >= QUIET and number < total:
            printed = now
            left = timedelta(seconds=round((now - began) / number * (total - number)))
            tell(f"{verb}  {number}/{total} {what}  ETA {left}")

    return done
