"""What is wrong with a file that should hold weights, in words: absent, closed, cut short, or something else."""

import json
import os
import stat
from pathlib import Path

from lossbench.errors import FileError

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
SOURCES = "docs/use-a-loss.md says where weights come from and how public ones are imported"
"""What to say to who has no file."""
CLOSED = "there but closed to you, or lies in a folder that is; ask its owner, or look at its permissions by ls -l"
"""What is said of a file that this user may not read."""
SHOWN = 3
"""How many files of a folder a message names."""


def check_readable(path: Path) -> None:
    """Raise FileError where `path` is absent, a folder or closed to this user: three things, with a remedy each."""
    absent = f"check the path; {SOURCES}", "run the stage that makes it"
    try:
        check_regular(path)
        with path.open("rb"):
            return
    except FileNotFoundError:
        raise FileError(f"{path} is {'a broken link' if path.is_symlink() else 'missing'}", *absent) from None
    except NotADirectoryError:
        raise FileError(f"{path} is missing, a part of this path is a file", *absent) from None
    except IsADirectoryError:
        held = ", ".join(sorted(file.name for file in path.glob("*.safetensors"))[:SHOWN])
        remedy = f"give a file in it: {held}" if held else "give a file, such as network.safetensors"
        raise FileError(f"{path} is not a whole safetensors file (it is a folder)", remedy) from None
    except PermissionError:
        raise FileError(*f"{path} is {CLOSED}".rsplit("; ", 1)) from None
    except OSError as error:
        raise FileError(f"{path} can't be read ({error.strerror})", "check the path") from None


def check_regular(path: Path) -> None:
    """Raise FileError where `path` is a pipe or device, which reading would wait for, or text that no path can be.

    Raises OSError where the system can't tell.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise FileError(f"{path} is no path ({error})", "check it") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(f"{path} is a pipe or device, no regular file", "give the file itself")


def recognised(path: Path) -> str | None:
    """Return what the file at `path` is when it is no whole safetensors file, None where that is not known."""
    try:
        size = os.path.getsize(path)
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    return by_beginning(head) or _cut_short(path, size)


def by_beginning(head: bytes) -> str | None:
    """Return what a file that begins with `head` is, where it is one of the kinds that are taken for others."""
    if not head:
        return "it is empty"
    if head.lstrip().lower().startswith(PAGES):
        return "it is a web page, such as a server's error or log-in page"
    return next((text for sign, text in SIGNS if head.startswith(sign)), None)


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
