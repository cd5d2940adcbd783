"""Downloads from a server on this machine: whole, interrupted and refused, and what is said on the way."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from _server import Server, serving

from lossbench.datasets import _download
from lossbench.datasets._download import download, progress
from lossbench.errors import UserError

CONTENT = np.random.default_rng(0).bytes(300_000)


def address(server: Server) -> str:
    return f"{server.url}/benchmark.tar"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server of one file."""
    with serving(monkeypatch) as running:
        running.contents["benchmark.tar"] = CONTENT
        yield running


def test_a_file_is_downloaded_whole(server: Server, tmp_path: Path) -> None:
    download(address(server), tmp_path / "new/file.tar")
    assert (tmp_path / "new/file.tar").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.tar"]
    assert server.asked == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.breaks_at["benchmark.tar"], server.ranges = 100_000, ranges
    with pytest.raises(UserError, match=r"benchmark\.tar: the download failed \(100000 of 300000 bytes came\)"):
        download(address(server), tmp_path / "file.tar")
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("file.tar.partial", 100_000)]
    download(address(server), tmp_path / "file.tar")
    assert (tmp_path / "file.tar").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_a_download_that_only_lacked_its_name_is_not_repeated(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.tar.partial").write_bytes(CONTENT)
    download(address(server), tmp_path / "file.tar")
    assert (tmp_path / "file.tar").read_bytes() == CONTENT


def test_a_refused_download_is_one_message(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(UserError, match=rf"^{address(server)}: the download failed \(HTTP Error 503.*fetch again"):
        download(address(server), tmp_path / "file.tar")
    (tmp_path / "file.tar.partial").write_bytes(CONTENT + b"more")
    with pytest.raises(UserError, match="HTTP Error 416"):
        download(address(server), tmp_path / "file.tar")


def test_an_unreachable_server_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UserError, match=r"^http://127\.0\.0\.1:1/file: the download failed \(.*refused"):
        download("http://127.0.0.1:1/file", tmp_path / "file")


def test_progress_tells_what_is_there_and_the_time_left_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 5.0, 6.0, 20.0])
    # 20 MB came before an interruption, so 10 MB took 5 seconds
    report = progress("benchmark.tar", 20_000_000, 250_000_000, clock=lambda: next(times))
    for done in (22_000_000, 30_000_000, 31_000_000, 250_000_000):
        report(done)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"fetch benchmark.tar  30/250 MB  ETA {timedelta(seconds=110)}",
        "fetch benchmark.tar  250/250 MB  ETA 0:00:00",
    ]


def test_progress_of_a_file_of_unknown_size_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 5.0])
    progress("file", 0, 0, clock=lambda: next(times))(1_000_000)
    assert capsys.readouterr().err == "fetch file  1 MB  ETA unknown\n"


@pytest.mark.parametrize(("says_length", "said"), [(True, "1/3 MB"), (False, "1/4 MB")])
def test_a_download_reports_its_progress(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    says_length: bool,
    said: str,
) -> None:
    content = server.contents["benchmark.tar"] = bytes(3_000_000)
    server.says_length = says_length
    monkeypatch.setattr(_download, "QUIET", 0.0)
    download(address(server), tmp_path / "file.tar", size=4_000_000)
    assert (tmp_path / "file.tar").read_bytes() == content
    assert capsys.readouterr().err.startswith(f"fetch file.tar  {said}  ETA ")
