"""Standard output that is full, standard error that is closed, and names that would garble either."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench.errors import OUTPUT, Notice, UserError, room_for, say, summed_up


def lossbench(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = f'{sys.executable} -m lossbench "$@" {redirection}'
    return subprocess.run(["sh", "-c", line, "sh", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["losses"], ["metrics", "--json"]])
def test_a_full_standard_output_is_one_line(arguments: list[str]) -> None:
    done = lossbench(">/dev/full", *arguments)
    assert (done.returncode, done.stderr) == (1, "error: standard output: No space left on device\n")


def test_a_closed_standard_error_does_not_end_in_standard_output(tmp_path: Path) -> None:
    done = lossbench("2>&-", "measure", str(tmp_path / "none"), "--metric", "niqe")
    assert (done.returncode, done.stdout) == (1, "")


def test_what_is_told_without_standard_error_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    say([Notice(Path("a.png"), "alpha is not compared")])
    assert capsys.readouterr().out == ""


def test_no_file_is_blamed_for_a_full_standard_output(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(UserError, match=r"target\.npy: No space left on device; make room there"),
        room_for(tmp_path / "target.npy"),
    ):
        raise error
    error.filename = OUTPUT
    with pytest.raises(OSError, match="standard output"), room_for(tmp_path / "target.npy"):
        raise error


def test_names_in_notices_are_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = "a\nb.png", "\x1b[31mred.png", os.fsdecode(b"caf\xe9.png")
    notices = [Notice(Path(name), f"the file {name} passed over") for name in names]
    lines = summed_up(notices)
    shown = ["a\\nb.png", "\\x1b[31mred.png", "caf\\xe9.png"]
    assert lines == [f"{name}: the file {name} passed over" for name in shown]
    assert [str(notice) for notice in notices] == lines
    say(notices)
    assert capsys.readouterr().err.splitlines() == [f"warning: {line}" for line in lines]
    assert json.loads(json.dumps(lines)) == lines
