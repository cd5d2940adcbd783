"""Published archives: downloaded, checked and unpacked."""

import os
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tarfile import TarError, TarFile
from typing import IO
from zipfile import BadZipFile, ZipFile, is_zipfile

from lossbench.datasets._card import Archive
from lossbench.datasets._download import download
from lossbench.errors import UserError, room_for, tell
from lossbench.files import digest

Member = tuple[str, IO[bytes]]


def fetched(archive: Archive, folder: Path) -> Path:
    """Return `archive` as a file in `folder`, downloaded unless it is there, its digest checked.

    One without a published digest is told by its own sums alone, when it is unpacked. Raises UserError naming the
    address of a failed download, or the file with another digest.
    """
    path = folder / archive.name
    if not path.is_file():
        download(archive.url, path, archive.bytes)
    if not archive.digest:
        tell(f"{path}: no digest of it is published; only the sums inside it tell whether it came whole")
        return path
    algorithm, _, expected = archive.digest.partition(":")
    if (found := digest(path, algorithm)) != expected:
        raise UserError(f"{path} has {algorithm} {found}, expected {expected}; delete it and fetch again")
    return path


def fetch_folders(archives: Iterable[Archive], root: Path, folders: Iterable[str], staging: str) -> None:
    """Download `archives` and put the `folders` that they hold into `root`.

    All lies in `root/staging` until every archive is there, checked and unpacked. An interrupted download keeps its
    finished archives and goes on where it stopped. Raises UserError naming a folder that is in the way, a failed
    download, or an archive with another digest.
    """
    wanted = list(folders)
    for name in wanted:
        if (root / name).exists():
            raise UserError(f"{root / name} is already there; use it as it is, or move it away and fetch again")
    unpacked = root / staging / "unpacked"
    for path in [fetched(archive, root / staging) for archive in archives]:
        unpack(path, unpacked)
    for name in wanted:
        if not (unpacked / name).is_dir():
            raise UserError(f"{root / staging}: no archive holds the folder {name}; delete it and fetch again")
    for name in wanted:
        os.replace(unpacked / name, root / name)
    shutil.rmtree(root / staging)


def unpack(path: Path, folder: Path) -> None:
    """Write the files of the tar or zip archive at `path` below `folder`.

    Raises UserError naming the archive when it is damaged, or has a member that is a link, a device or would lie
    outside of `folder`, and for a full disk.
    """
    try:
        with room_for(folder), _members(path) as members:
            for name, content in members:
                target = _inside(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
    except (OSError, EOFError, TarError, BadZipFile, zlib.error, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} does not unpack ({reason}); make room or delete it, and fetch again") from None


@contextmanager
def _members(path: Path) -> Iterator[Iterator[Member]]:
    """Give name and content of the files in an archive, one after the other."""
    if is_zipfile(path):
        with ZipFile(path) as zipped:
            yield _zipped(zipped)
    else:
        with TarFile.open(path) as tarred:
            yield _tarred(tarred)


def _zipped(archive: ZipFile) -> Iterator[Member]:
    for member in archive.infolist():
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"'{member.filename}' is a link")
        if not member.is_dir():
            with archive.open(member) as content:
                yield member.filename, content


def _tarred(archive: TarFile) -> Iterator[Member]:
    for member in archive:
        if member.isdir():
            continue
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise ValueError(f"'{member.name}' is a link or a device")
        with content:
            yield member.name, content


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"'{name}' would lie outside of {folder}")
    return folder / parts
