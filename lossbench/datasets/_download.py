"""A large file off the network: an interrupted download goes on where it stopped."""

from __future__ import annotations

import os
import shutil
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from lossbench.errors import UserError, room_for

TIMEOUT = 60
"""Seconds without an answer after which a download counts as failed."""


def download(url: str, path: Path) -> None:
    """Download `url` to `path` by way of `path` with the suffix `.partial`, which an interruption leaves behind.

    A server that knows no byte ranges is asked for the whole file again. The caller checks the digest. Raises UserError
    naming the address and the reason when the download fails, and for a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with room_for(partial):
            _continue(url, partial)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"{url}: the download failed ({error}); fetch again, it goes on where {partial} stopped"
        ) from None
    os.replace(partial, path)


def _continue(url: str, partial: Path) -> None:
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
        shutil.copyfileobj(response, file, 1 << 20)
        # a connection that breaks reads like the end of the file
        if expected is not None and file.tell() - before != expected:
            raise OSError(f"{file.tell() - before} of {expected} bytes came")
