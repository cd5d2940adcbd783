"""Jobs that are forked of a process that has imported their code behave as those that are started anew."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from _repository import ROOT

from pipeline.processes import fork_client, fork_server
from pipeline.processes.fork_client import ADDRESS

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="jobs are forked on Linux alone"),
    pytest.mark.usefixtures("interruptible"),
]
TRAIN = ("-m", "pipeline.train")
TRAINING = ("--code", "x", "--output", "o", "--label", "l", "--targets", "t.json")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return where a server listens."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv(ADDRESS, raising=False)
        server = fork_server.start()
        assert server is not None and server.stdin is not None
        yield os.environ.pop(ADDRESS)
    server.stdin.close()
    assert server.wait(timeout=10) == 0


def begin(address: str | None, *arguments: str, **options: object) -> "subprocess.Popen[str]":
    """Begin a command as the shell of a rule does."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **({ADDRESS: address} if address else {})}
    command = [sys.executable, "-I", "-S", fork_client.__file__, *arguments]
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        command, env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def ended(address: str | None, *arguments: str, said: str = "") -> tuple[int, str, str]:
    """Return exit code, output and errors of a command that is told `said`."""
    process = begin(address, *arguments)
    printed, errors = process.communicate(said)
    return process.returncode, printed, errors


def readable(file: int) -> bool:
    """Say whether there is something to be read from `file` within some time: of a process, that it has ended."""
    return bool(select.select([file], [], [], 10)[0])


def waiting(address: str) -> tuple["subprocess.Popen[str]", int]:
    """Begin a training that waits for its spec; return its command and the number of its process."""
    process = begin(address, *TRAIN, *TRAINING, process_group=0)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                pid, group = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[2])
                if group == process.pid != pid:
                    return process, pid
        time.sleep(0.05)
    raise TimeoutError("no job has begun")


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ((*TRAIN, "--help"), "", 0),
        ((*TRAIN, "--no-such-option"), "", 2),
        ((*TRAIN, *TRAINING), "", 1),
        ((*TRAIN, *TRAINING), '{"seed": "ü"}', 1),
    ],
)
def test_a_forked_job_reads_prints_and_ends_as_one_that_is_started(
    address: str, arguments: tuple[str, ...], said: str, code: int
) -> None:
    forked = ended(address, *arguments, said=said)
    assert forked == ended(None, *arguments, said=said)
    assert forked[0] == code and (forked[1] or forked[2])


def test_what_imports_no_torch_and_what_is_no_stage_are_started(address: str) -> None:
    asks = "import os, sys; print(os.getppid(), sys.argv, sys.flags.isolated)"
    process = begin(address, "-c", asks, "a b")
    assert process.communicate()[0].split(maxsplit=1) == [str(os.getpid()), "['-c', 'a b'] 0\n"]
    assert ended(address, "-m", "pipeline.tabulate", "--help")[0] == 0


def test_a_signal_reaches_the_job(address: str) -> None:
    process, _ = waiting(address)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 128 + signal.SIGTERM


def test_a_signal_to_the_group_of_the_shell_reaches_the_job(address: str) -> None:
    # the job joins the group before its module begins, and the signal may come in between
    for _ in range(5):
        process, _ = waiting(address)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (128 + signal.SIGINT, "interrupted\n")


def test_a_killed_job_ends_its_command(address: str) -> None:
    process, job = waiting(address)
    os.kill(job, signal.SIGKILL)
    assert process.wait(timeout=10) == 128 + signal.SIGKILL


def test_a_job_ends_with_the_command_that_asked_for_it(address: str) -> None:
    process, job = waiting(address)
    ended_job = os.pidfd_open(job)
    process.kill()
    process.wait()
    assert readable(ended_job)


def test_a_server_that_is_gone_is_not_needed() -> None:
    assert ended("/nowhere/socket", *TRAIN, "--help")[0] == 0


def test_a_job_whose_server_is_gone_before_it_begins_is_started(tmp_path: Path) -> None:
    address = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        process = begin(address, *TRAIN, "--help")
        connection, _ = listener.accept()
    connection.close()
    printed, errors = process.communicate()
    assert process.returncode == 0 and "usage: python -m pipeline.train" in printed and not errors


def test_an_interrupt_ends_a_job_that_waits_for_its_server(tmp_path: Path) -> None:
    address = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        process = begin(address, *TRAIN, *TRAINING, process_group=0)
        connection, _ = listener.accept()
        assert connection.recv(1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) != 0
        connection.close()


def test_a_job_of_a_shell_that_ignores_interrupts_ignores_them(address: str) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process, _ = waiting(address)
    finally:
        signal.signal(signal.SIGINT, before)
    os.killpg(process.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.kill()
    process.wait()


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = "from pipeline.processes import fork_server; print(fork_server.start().pid, flush=True); input()"
    environment = {name: value for name, value in os.environ.items() if name != ADDRESS}
    environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    starter = subprocess.Popen(
        [sys.executable, "-c", command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    server = os.pidfd_open(int(starter.stdout.readline()))
    assert len(list(tmp_path.glob("lossbench-*/socket"))) == 1
    starter.kill()
    starter.wait()
    assert readable(server) and not list(tmp_path.iterdir())


def test_where_no_socket_can_be_made_jobs_are_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.delenv(ADDRESS, raising=False)
    assert fork_server.start() is None
    assert ADDRESS not in os.environ and not list(folder.iterdir())
