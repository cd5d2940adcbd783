"""Processes that write to one folder wait for each other."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lossbench import turns
from lossbench.errors import UserError
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


def test_whoever_waits_long_says_so_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "AGAIN", 0.2)
    done = threading.Event()

    def second() -> None:
        with turn(tmp_path / "data"):
            done.set()

    with turn(tmp_path / "data"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.9)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()
    first, *others = capsys.readouterr().err.splitlines()
    assert first.endswith("; waiting for it") and 2 <= len(others) <= 4
    assert all(" writes there still; waiting for it for " in line for line in others)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc, where no file can be made")
def test_a_lock_that_can_not_be_made_is_an_error_and_no_wait() -> None:
    reason = r"this file can't be made \(No such file or directory\); give another folder"
    for folder in ("/proc/", "/proc/away/"):
        with pytest.raises(UserError, match=rf"^{folder}\.x\.lock: {reason}$"), turn(Path(folder, "x")):
            pass


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
