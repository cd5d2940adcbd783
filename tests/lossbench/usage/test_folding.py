"""What a command prints fits the terminal, and keeps its lines in a file or a pipe."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _repository import ROOT
from conftest import picture

from lossbench import __main__ as command
from lossbench.images import write_png
from lossbench.usage import folding
from lossbench.usage.folding import folded, room, tabled
from pipeline.planning.job import WILDCARDS
from pipeline.planning.report import in_words

HEAD = ["loss", "term", "weight"]
ROWS = [["ssim", "ssim", "0.5"], ["fft", "spectrum", "12"]]


def test_lines_are_broken_at_words_and_a_word_that_is_too_long_is_broken() -> None:
    text = "name: a few words; other: 2-D"
    assert folded(text, None, "    ") == [f"    {text}"]
    assert folded(text, 16, "  ", "") == ["  name: a few", "  words; other:", "  2-D"]
    assert all(len(line) <= 10 for line in folded("x" * 35, 10))


def test_a_table_that_is_too_wide_stands_below_each_other() -> None:
    whole = ["loss  term      weight", "ssim  ssim         0.5", "fft   spectrum      12"]
    assert tabled(HEAD, ROWS, None, left=2) == tabled(HEAD, ROWS, 22, left=2) == whole
    assert tabled(HEAD, ROWS, 21, left=2) == [
        *("ssim", "  term: ssim", "  weight: 0.5"),
        *("fft", "  term: spectrum", "  weight: 12"),
    ]


def test_columns_decides_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding.shutil.os, "get_terminal_size", lambda _: (_ for _ in ()).throw(OSError))
    monkeypatch.delenv("COLUMNS", raising=False)
    assert room() is None
    for columns, found in (("40", 40), ("3", folding.NARROWEST), ("0", None), ("x", None)):
        monkeypatch.setenv("COLUMNS", columns)
        assert room() == found


Widest = Callable[..., int]


@pytest.fixture
def widest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Widest:
    """Give what runs `lossbench` with some words in so many columns and returns the length of its longest line."""

    def run(*words: str, columns: str = "40") -> int:
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(sys, "argv", ["lossbench", *words])
        command.main()
        return max(map(len, capsys.readouterr().out.splitlines()))

    return run


@pytest.fixture
def crop(tmp_path: Path) -> str:
    """Return a picture's file."""
    write_png(tmp_path / "a.png", picture(96, 96, 0))
    return str(tmp_path / "a.png")


def test_every_list_and_table_fits_forty_columns(widest: Widest, crop: str) -> None:
    for words in (["losses"], ["fetch", "weights", "--to", "w"], ["measure", crop, crop, "--metric", "psnr,ssim,gmsd"]):
        assert widest(*words) <= 40, words
    assert widest("fetch", "weights", "--to", "w", columns="0") > 100


def test_a_plan_fits_forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    content: dict[str, Any] = {
        "scale": "ci",
        "tables": [f"mae_loss/table{number}" for number in range(9)],
        "jobs": dict.fromkeys(WILDCARDS, 12),
        "missing": ["data set 'div2k': put it into data/div2k or fetch it"],
        "download": {"bytes": 3, "of_unknown_size": []},
    }
    assert max(map(len, in_words(content).splitlines())) > 100
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, in_words(content).splitlines())) <= 40


def test_a_probe_fits_forty_columns_and_its_files_keep_their_lines(widest: Widest, crop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert widest("probe", "l2", crop, "--output", str(out)) <= 40
    assert max(map(len, (out / "probe.txt").read_text(encoding="utf-8").splitlines())) > 60
    assert widest("probe", "ssim", crop, "--match", "0.3", "--output", str(out)) <= 40
    assert max(map(len, (out / "match.txt").read_text(encoding="utf-8").splitlines())) > 60


def test_a_terminal_decides_by_its_own_width() -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    code = "from lossbench.__main__ import show; show([{'name': 'x', 'words': 'some words ' * 20}], False)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=follower)
    os.close(follower)
    printed = b""
    # what a terminal gives ends with an error
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        printed += part
    assert process.wait() == 0
    lines = printed.decode().splitlines()
    assert len(lines) > 4 and max(map(len, lines)) <= 50
