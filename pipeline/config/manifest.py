"""What lies in a folder of the user's, as one text: names, sizes and times of its files, no content."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from lossbench.errors import tell

Node = tuple[int, int]
"""Device and number of a folder."""
QUIET = 5.0
"""Seconds after which a look at a large folder says how far it is."""
LEFT_BY_SYSTEMS = {"Thumbs.db", "desktop.ini", "__MACOSX"}
"""Passed over beside hidden files: no data set has them."""


def manifest(root: Path) -> str | None:
    """Return 16 hexadecimal digits that change when a file below `root` is added, removed, renamed or written.

    Links are followed; hidden files are passed over. None where there is no such folder. Raises OSError for a folder
    that can't be read.
    """
    if not root.is_dir():
        return None
    digest = hashlib.sha256()
    for line in sorted(_lines(root)):
        digest.update(f"{line}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _lines(root: Path) -> Iterator[str]:
    """Give one line a file: its path below `root`, size in bytes and time of writing in nanoseconds; a line a link."""
    waiting: list[tuple[str, tuple[Node, ...]]] = [(str(root), ())]
    count, told = 0, time.monotonic()
    while waiting:
        folder, above = waiting.pop()
        status = os.stat(folder)
        node = (status.st_dev, status.st_ino)
        # a link may lead back to where it lies
        if node in above:
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in LEFT_BY_SYSTEMS:
                    continue
                place = entry.path[len(str(root)) :]
                if entry.is_symlink():
                    yield f"{place}\0{os.readlink(entry.path)}"
                if entry.is_dir():
                    waiting.append((entry.path, (*above, node)))
                    continue
                count += 1
                try:
                    status = entry.stat()
                    yield f"{place}\0{status.st_size}\0{status.st_mtime_ns}"
                except FileNotFoundError:
                    continue
                if time.monotonic() - told > QUIET:
                    told = time.monotonic()
                    tell(f"looks for changes in {root}: {count} files")
