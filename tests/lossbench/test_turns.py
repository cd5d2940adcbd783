"""Processes that write to one folder wait for each other."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lossbench.turns import turn


def test_the_second_waits_says_so_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, entered, left = tmp_path / "weights", threading.Event(), threading.Event()

    def second() -> None:
        with turn(folder):
            entered.set()
        left.set()

    with turn(folder):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.3)
    assert left.wait(10)
    thread.join()
    assert capsys.readouterr().err == f"{folder}: another process writes there; waiting for it\n"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_killed_one_gives_its_turn_up(tmp_path: Path) -> None:
    holds = f"""
from pathlib import Path
from lossbench.turns import turn
with turn(Path({str(tmp_path / "data")!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        process.kill()
        process.wait()
        with turn(tmp_path / "data"):
            pass


def test_a_fault_inside_gives_the_turn_up(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), turn(tmp_path / "data"):
        raise OSError("full")
    with turn(tmp_path / "data"):
        pass
