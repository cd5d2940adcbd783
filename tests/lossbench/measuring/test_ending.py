"""Processes that score pictures end with the one that they work for, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from _repository import ROOT
from _restored import plant

from lossbench.errors import exit_with_one_line
from lossbench.measuring.ending import ended_by_signal

SLOW = """
import time
from lossbench.measuring import processes

def slow(*_, **__):
    open(f"begun-{processes.os.getpid()}", "w").close()
    time.sleep(60)

processes.scored = slow
if __name__ == "__main__":
    import sys
    from lossbench.__main__ import main
    processes.cores = lambda: 2
    sys.argv = ["lossbench", "measure", "ours", "target", "--metric", "psnr", "--jobs", "2"]
    main()
"""
LONGEST = 30.0


def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds` does."""
    last = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.02)


def lives(process: int) -> bool:
    """Return whether a process runs; one that has ended and was not asked for its exit code does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes run")
@pytest.mark.parametrize(("number", "code", "said"), [
    (signal.SIGKILL, -signal.SIGKILL, ""),
    (signal.SIGTERM, 128 + signal.SIGTERM, ""),
    (signal.SIGINT, 128 + signal.SIGINT, "interrupted\n"),
])  # fmt: skip
def test_processes_end_with_the_one_that_started_them(tmp_path: Path, number: int, code: int, said: str) -> None:
    plant(tmp_path, {"ours": 5.0})
    (tmp_path / "script.py").write_text(SLOW, encoding="utf-8")
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=given, stderr=subprocess.PIPE)
    try:
        until(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
        workers = [int(path.name.partition("-")[2]) for path in tmp_path.glob("begun-*")]
        assert all(map(lives, workers))
        running.send_signal(number)
        _, errors = running.communicate(timeout=LONGEST)
    finally:
        running.kill()
    assert running.returncode == code
    until(lambda: not any(map(lives, workers)))
    if number != signal.SIGKILL:
        assert errors.decode() == said


def test_ctrl_c_is_one_line_with_the_exit_code_of_shells(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        exit_with_one_line(main)
    assert (stopped.value.code, capsys.readouterr().err) == (130, "interrupted\n")


def test_a_handler_of_the_program_itself_stays() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with ended_by_signal():
            os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with pytest.raises(SystemExit) as stopped, ended_by_signal():
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.value.code == 143 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
