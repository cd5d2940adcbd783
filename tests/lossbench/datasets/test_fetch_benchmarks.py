"""The archive of four super-resolution sets, from a server on this machine: fetched, shared, and wrong."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _server import Server, serving

from lossbench import datasets
from lossbench.datasets import _benchmarks
from lossbench.errors import UserError

set5, set14 = (datasets.load(name) for name in ("set5", "set14"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server."""
    with serving(monkeypatch) as running:
        yield running


def archive(*names: str) -> bytes:
    """Return an uncompressed tar file with one text file of each name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            file.addfile(member, io.BytesIO(name.encode()))
    return stream.getvalue()


WHOLE = archive("benchmark/Set5/HR/a.png", "benchmark/Set14/HR/b.png", "benchmark/Set14/LR_bicubic/X2/bx2.png")


def serve(server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Fetch `content` from the server and expect its MD5."""
    server.contents["benchmark.tar"] = content
    digest = f"md5:{hashlib.md5(content).hexdigest()}"
    known = replace(_benchmarks.ARCHIVE, url=f"{server.url}/benchmark.tar", digest=digest)
    monkeypatch.setattr(_benchmarks, "ARCHIVE", known)


def test_one_archive_brings_the_layout(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(server, monkeypatch, WHOLE)
    datasets.fetch("set5", tmp_path / "set5")
    assert [path.name for path in (tmp_path / "set5").iterdir()] == ["benchmark"]
    assert (tmp_path / "set5/benchmark/Set14/LR_bicubic/X2/bx2.png").read_text().endswith("bx2.png")
    with pytest.raises(UserError, match=r"set5/benchmark is already there"):
        set5.fetch(tmp_path / "set5")
    assert server.asked == [None]


def test_a_set_that_was_moved_away_can_be_fetched_again(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(server, monkeypatch, WHOLE)
    set5.fetch(tmp_path / "set5")
    (tmp_path / "set5/benchmark").rename(tmp_path / "elsewhere")
    set5.fetch(tmp_path / "set5")
    assert (tmp_path / "set5/benchmark/Set5/HR/a.png").is_file()


def test_the_archive_is_not_downloaded_again_for_another_set(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(server, monkeypatch, WHOLE)
    set5.fetch(tmp_path / "set5")
    set14.fetch(tmp_path / "set14")
    assert len(server.asked) == 1
    files = sorted(path.relative_to(tmp_path / "set14") for path in (tmp_path / "set14").rglob("*.png"))
    assert [str(path) for path in files] == ["benchmark/Set14/HR/b.png", "benchmark/Set14/LR_bicubic/X2/bx2.png"]


def test_an_interrupted_archive_is_continued(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(server, monkeypatch, WHOLE)
    server.breaks_at["benchmark.tar"] = 4000
    with pytest.raises(UserError, match=r"4000 of \d+ bytes came.*fetch again"):
        set5.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["benchmark.partial"]
    set5.fetch(tmp_path)
    assert server.asked == [None, "bytes=4000-"]
    assert (tmp_path / "benchmark/Set5/HR/a.png").is_file()


def test_an_archive_with_another_md5_is_named_and_never_unpacked(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(server, monkeypatch, WHOLE)
    server.contents["benchmark.tar"] = archive("benchmark/Set5/HR/altered.png")
    with pytest.raises(UserError, match=r"benchmark\.tar has md5 .*expected .*; delete it and fetch again"):
        set5.fetch(tmp_path)
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("name", ["../../../outside.png", "benchmark/../../../../outside.png"])
def test_an_archive_writes_nothing_outside_its_folder(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    serve(server, monkeypatch, archive("benchmark/Set5/HR/a.png", name))
    with pytest.raises(UserError, match=r"benchmark\.tar does not unpack \(.*outside"):
        set5.fetch(tmp_path / "deep/root")
    assert not list(tmp_path.rglob("outside.png"))
    assert not (tmp_path / "deep/root/benchmark").exists()


def test_an_archive_without_the_set_is_named(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(server, monkeypatch, archive("benchmark/Set14/HR/b.png"))
    with pytest.raises(UserError, match=r"benchmark\.tar does not unpack \(.*Set5/HR does not exist"):
        set5.fetch(tmp_path)
    assert not (tmp_path / "benchmark").exists()


def test_the_checksum_is_the_published_one() -> None:
    assert _benchmarks.ARCHIVE.url == "https://cv.snu.ac.kr/research/EDSR/benchmark.tar"
    assert _benchmarks.ARCHIVE.digest == "md5:4ace41d33c2384b97e6b320cd0afd6ba"
    for name in _benchmarks.FETCHED:
        assert datasets.load(name).card.bytes == 250_000_000
