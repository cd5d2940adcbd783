"""Files and folders that this process may not read or write, also where the tests run as root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Take all rights to `path` from this process within the block; root becomes nobody there."""
    before, user = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        path.chmod(before)
