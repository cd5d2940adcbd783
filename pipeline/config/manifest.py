"""What lies in a folder of the user's, as one text: names, sizes and times of its files, no content."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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
    """Give one line a file: its path below `root`, size in bytes and time of writing in nanoseconds."""
    waiting, seen, count, told = [str(root)], set[tuple[int, int]](), 0, time.monotonic()
    while waiting:
        folder = waiting.pop()
        status = os.stat(folder)
        # a link may lead back to where it lies
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in LEFT_BY_SYSTEMS:
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                    continue
                count += 1
                try:
                    status = entry.stat()
                    size, written = status.st_size, status.st_mtime_ns
                except FileNotFoundError:
                    size, written = -1, 0
                yield f"{entry.path[len(str(root)) :]}\0{size}\0{written}"
                if time.monotonic() - told > QUIET:
                    told = time.monotonic()
                    print(f"looks for changes in {root}: {count} files", file=sys.stderr, flush=True)
