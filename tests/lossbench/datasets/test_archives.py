"""What is unpacked of an archive, and what is refused: nothing leaves the folder, no link is made."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lossbench.datasets._archives import Archive, fetched, unpack
from lossbench.errors import UserError
from lossbench.files import sha256

FILES = {"set/HR/a.png": b"a", "set/LR/X2/b.png": bytes(3_000_000), "readme": b""}


def tar(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as file:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        for member in (folder, *more):
            file.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("set/", b"")
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return path


Write = Callable[[Path, dict[str, bytes]], Path]


@pytest.mark.parametrize("write", [tar, zipped])
def test_every_file_lies_below_the_folder(write: Write, tmp_path: Path) -> None:
    # a second time after an interruption
    for _ in range(2):
        unpack(write(tmp_path / "archive", FILES), tmp_path / "folder")
    found = {path for path in (tmp_path / "folder").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "folder")): path.read_bytes() for path in found} == FILES


@pytest.mark.parametrize("write", [tar, zipped])
@pytest.mark.parametrize("name", ["../outside.png", "set/../../outside.png", "/tmp/outside.png", "..\\outside.png"])
def test_a_member_outside_of_the_folder_is_refused(write: Write, name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep/archive"
    path.parent.mkdir()
    write(path, {name: b"x"})
    with pytest.raises(UserError, match=r"archive does not unpack \(.* would lie outside of .*folder\)"):
        unpack(path, tmp_path / "deep/folder")
    assert not list(tmp_path.rglob("*outside*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_a_tar_file_is_refused(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("set/link")
    member.type, member.linkname = kind, "../.."
    tar(tmp_path / "archive", {"set/link/a.png": b"a"}, member)
    with pytest.raises(UserError, match="'set/link' is a link or a device"):
        unpack(tmp_path / "archive", tmp_path / "folder")
    assert not list((tmp_path / "folder").rglob("*"))


def test_a_link_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("set/link")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as file:
        file.writestr(member, "../..")
    with pytest.raises(UserError, match="'set/link' is a link"):
        unpack(tmp_path / "archive", tmp_path / "folder")
    assert not list((tmp_path / "folder").rglob("*"))


@pytest.mark.parametrize("write", [tar, zipped])
def test_a_damaged_archive_is_named(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path / "archive", FILES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"archive does not unpack \(.+\); make room or delete it, and fetch again$"):
        unpack(path, tmp_path / "folder")


def test_an_archive_that_is_there_is_not_downloaded_but_checked(tmp_path: Path) -> None:
    path = tar(tmp_path / "archive.tar", FILES)
    known = Archive("http://127.0.0.1:1/archive.tar", 1, f"sha256:{sha256(path)}")
    assert fetched(known, tmp_path) == path
    path.write_bytes(b"altered")
    with pytest.raises(UserError, match=r"archive\.tar has sha256 .*, expected .*; delete it and fetch again"):
        fetched(known, tmp_path)
