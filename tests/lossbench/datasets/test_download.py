"""Downloads from a server on this machine: whole, interrupted, and archives that are wrong."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torchsr.datasets

from lossbench import datasets
from lossbench.datasets import set5, set14
from lossbench.datasets._download import download
from lossbench.errors import UserError

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(ThreadingHTTPServer):
    """Serves `content` at every address, and breaks the connection after `breaks_at` bytes of the first answer."""

    content = CONTENT
    breaks_at: int | None = None
    ranges = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/benchmark.tar"


class Handler(BaseHTTPRequestHandler):
    """Answers GET, with byte ranges where the server has them."""

    server: Server

    def do_GET(self) -> None:
        given = self.headers["Range"]
        self.server.asked.append(given)
        start = int(re.findall(r"\d+", given)[0]) if given and self.server.ranges else 0
        length = len(self.server.content)
        status = self.server.status
        if start:
            status = 206 if start < length else 416
        body = b"" if status >= 400 else self.server.content[start:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes */{length}" if status == 416 else f"bytes {start}-/{length}")
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_at])
        self.server.breaks_at = None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server that no proxy stands before."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


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
    """Make torchsr fetch `content` from the server and expect its MD5."""
    server.content = content
    urls = [(server.url, hashlib.md5(content).hexdigest())]
    for name in ("Set5", "Set14"):
        monkeypatch.setattr(getattr(torchsr.datasets, name), "urls", urls)


def test_a_file_is_downloaded_whole(server: Server, tmp_path: Path) -> None:
    download(server.url, tmp_path / "new/file.tar")
    assert (tmp_path / "new/file.tar").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.tar"]
    assert server.asked == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.breaks_at, server.ranges = 100_000, ranges
    with pytest.raises(UserError, match=r"benchmark\.tar: the download failed \(100000 of 300000 bytes came\)"):
        download(server.url, tmp_path / "file.tar")
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("file.tar.partial", 100_000)]
    download(server.url, tmp_path / "file.tar")
    assert (tmp_path / "file.tar").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_a_download_that_only_lacked_its_name_is_not_repeated(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.tar.partial").write_bytes(CONTENT)
    download(server.url, tmp_path / "file.tar")
    assert (tmp_path / "file.tar").read_bytes() == CONTENT


def test_a_refused_download_is_one_message(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(UserError, match=rf"^{server.url}: the download failed \(HTTP Error 503.*fetch again"):
        download(server.url, tmp_path / "file.tar")
    (tmp_path / "file.tar.partial").write_bytes(CONTENT + b"more")
    with pytest.raises(UserError, match="HTTP Error 416"):
        download(server.url, tmp_path / "file.tar")


def test_an_unreachable_server_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UserError, match=r"^http://127\.0\.0\.1:1/file: the download failed \(.*refused"):
        download("http://127.0.0.1:1/file", tmp_path / "file")


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
    server.breaks_at = 4000
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
    server.content = archive("benchmark/Set5/HR/altered.png")
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
    published = [("https://cv.snu.ac.kr/research/EDSR/benchmark.tar", "4ace41d33c2384b97e6b320cd0afd6ba")]
    for name in ("Set5", "Set14", "B100", "Urban100"):
        assert getattr(torchsr.datasets, name).urls == published
