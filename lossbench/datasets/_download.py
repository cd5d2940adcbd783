"""A large file off the network: an interrupted download goes on where it stopped."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from lossbench.errors import UserError, room_for, tell

TIMEOUT = 60
"""Seconds without an answer after which a download counts as failed."""
CHUNK = 1 << 20
"""Bytes that are read at once."""
QUIET = 5.0
"""Seconds between two lines of progress."""


def download(url: str, path: Path, size: int = 0) -> None:
    """Download `url` to `path` by way of `path` with the suffix `.partial`, which an interruption leaves behind.

    `size` in bytes, where it is known, serves the time left on standard error when the server does not state it. A
    server that knows no byte ranges is asked for the whole file again. The caller checks the digest. Raises UserError
    naming the address and the reason when the download fails, and for a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with room_for(partial):
            _continue(url, partial, size)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"{url}: the download failed ({error}); fetch again, it goes on where {partial} stopped"
        ) from None
    os.replace(partial, path)


def _continue(url: str, partial: Path, size: int) -> None:
    done = partial.stat().st_size if partial.exists() else 0
    request = Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        # nothing lies beyond the end: it was complete and only its last name was missing
        if error.code == 416 and error.headers.get("Content-Range", "").endswith(f"/{done}"):
            return
        raise
    with response, partial.open("ab" if response.status == 206 else "wb") as file:
        expected = response.length
        before = file.tell()
        report = progress(partial.stem, before, size if expected is None else before + expected)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            report(file.tell())
        # a connection that breaks reads like the end of the file
        if expected is not None and file.tell() - before != expected:
            raise OSError(f"{file.tell() - before} of {expected} bytes came")


def progress(name: str, before: int, total: int, clock: Callable[[], float] = time.monotonic) -> Callable[[int], None]:
    """Return a function that is told the bytes that are there and says every few seconds, on standard error, how many.

    `before` of them were there at the start; a `total` of 0 is unknown.
    """
    began = printed = clock()

    def report(done: int) -> None:
        nonlocal printed
        now = clock()
        if now - printed < QUIET:
            return
        printed = now
        left = (
            timedelta(seconds=round((now - began) / (done - before) * (total - done))) if total >= done else "unknown"
        )
        # nobody who reads along must not stop a download
        with suppress(OSError, ValueError):
            size = f"/{total / 1e6:.0f}" if total else ""
            tell(f"fetch {name}  {done / 1e6:.0f}{size} MB  ETA {left}")

    return report
