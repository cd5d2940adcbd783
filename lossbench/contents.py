"""What is wrong with a file that should hold weights, in words: absent, closed, cut short, or something else."""

import json
import os
from pathlib import Path

HEAD = 512
"""Bytes by which a file is recognised."""
SIGNS = (
    (b"PK\x03\x04", "it is a checkpoint of PyTorch, or another zip archive"),
    (b"\x80\x02", "it is a checkpoint of PyTorch or another pickle"),
    (b"version https://git-lfs", "it is a pointer of Git LFS and not the file itself: run `git lfs pull` there"),
    (b"\x1f\x8b", "it is compressed by gzip: unpack it"),
    (b"\x89HDF", "it is an HDF5 file, as Keras writes them"),
)
"""How files begin, and what they are then."""
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")
"""How a page of a server begins, in small letters."""

FOLDER = "is a folder"
ABSENT = ("is missing", "is a broken link", "is missing: a part of this path is a file")
"""What `unreadable` says of what is not there."""


def unreadable(path: Path) -> str | None:
    """Return why the file at `path` can't be opened, None where it can; what is closed is told from what is absent."""
    try:
        with path.open("rb"):
            return None
    except FileNotFoundError:
        return ABSENT[path.is_symlink()]
    except IsADirectoryError:
        return FOLDER
    except NotADirectoryError:
        return ABSENT[2]
    except PermissionError:
        return "is there but closed to you, or lies in a folder that is"
    except OSError as error:
        return f"can't be read ({error.strerror})"


def recognised(path: Path) -> str | None:
    """Return what the readable file at `path` is when it is no whole safetensors file, None where it is not known."""
    size = os.path.getsize(path)
    if size == 0:
        return "it is empty"
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.lstrip().lower().startswith(PAGES):
        return "it is a web page, such as a server's error or log-in page"
    return next((text for sign, text in SIGNS if head.startswith(sign)), None) or _cut_short(path, size)


def _cut_short(path: Path, size: int) -> str | None:
    """Say how much of a safetensors file there is: 8 bytes of length, a header of JSON, and the tensors' bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > 100_000_000 or (size > 8 and file.read(1) != b"{"):
            return None
        if size < 8 + length or size <= 8:
            return f"it is cut short: {size} bytes, the header alone has {8 + length}"
        file.seek(8)
        try:
            header = json.loads(file.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return None
    whole = 8 + length + int(end)
    return f"it is cut short: {size} of {whole} bytes" if size < whole else None
