"""docs/compare.md can be followed: every command and program on it runs, and prints what the page says."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from _repository import ROOT
from _restored import plant

from lossbench import __main__ as command_line

PAGE = (ROOT / "docs/compare.md").read_text(encoding="utf-8")
NOISE = {f"{name}_s{seed}": deviation + 0.02 * seed for name, deviation in (("base", 9.0), ("ours", 8.5))
         for seed in range(2)}  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go where the folders of the page are."""
    plant(tmp_path, NOISE, pictures=4, side=192).joinpath("target").rename(tmp_path / "ground_truth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_every_command_and_program_runs(
    here: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [shlex.split(line) for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    assert len(commands) == 2
    printed = []
    for command in commands:
        monkeypatch.setattr(sys, "argv", command)
        command_line.main()
        printed.append(capsys.readouterr().out)
    shown = re.findall(r"^<!-- output -->\n```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert printed[:1] == shown
    assert "ground truth" in printed[1] and "2 seeds (0, 1)" in printed[1]
    for program in blocks("python"):
        exec(compile(program, "docs/compare.md", "exec"), {})
    assert "Interval(estimate=" in capsys.readouterr().out
    assert all(len(line) <= 80 for line in "".join([*blocks("sh"), *shown]).splitlines())
