"""Runs jobs of stages again and again in one process with torch, each in a fork of its own, and disturbs some."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

WRITES = frozenset({"open", "write", "writelines", "fsync", "replace", "unlink", "mkdir", "chmod", "save_file"})
"""Names of the functions in C by which files come and go."""

OWN = os.getpid()
"""Number of the process whose forks the jobs are."""


@dataclass(frozen=True)
class Job:
    """A job of a stage, and what befalls it: SIGKILL, or no room."""

    stage: str
    arguments: Sequence[str]
    spec: str
    folder: str
    """What it writes lies in there."""
    killed: tuple[str, float] | None = None
    """By what its moment is told, `calls`, `writes` or `seconds`, and how much of it has passed by then, of all that
    the second job of the list had: that must be the same one undisturbed."""
    disk: str | None = None
    """Size of the file system of its own on which `folder` lies, `64k`; a later job may give the same one more."""
    memory: int | None = None
    """Bytes that the job may take beyond what it began with."""


@dataclass(frozen=True)
class Ended:
    """How a job ended, and what it left."""

    killed: bool
    code: int
    calls: int
    """Of functions; 0 for one that was killed, as the next two."""
    writes: int
    seconds: float
    files: dict[str, str]
    """SHA-256 of every file by its name."""
    printed: str


def run_jobs(jobs: Sequence[Job], repository: Path) -> list[Ended]:
    """Run `jobs` one after the other; each is a process of its own, and dies of SIGKILL where it is to.

    Skips the test where a job is to have a disk of its own and this user may not mount one.
    """
    text = json.dumps([asdict(job) for job in jobs])
    environment = {**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__]
    if any(job.disk for job in jobs):
        command = ["unshare", "-m", *command]
        if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
            pytest.skip("this user may not mount a file system")
    done = subprocess.run(
        command, input=text, env=environment, cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Ended(**values) for values in json.loads(done.stdout)]


def _main() -> None:
    found: list[Ended] = []
    for values in json.load(sys.stdin):
        job = Job(**values)
        found.append(_ended(job, found[1] if len(found) > 1 else None))
        if len(found) == 1 and found[0].code == 0:
            # what a job imports takes seconds, which its forks need not
            for name in _imported(job).read_text(encoding="utf-8").split():
                with contextlib.suppress(ImportError):
                    import_module(name)
    json.dump([asdict(each) for each in found], sys.stdout)


def _ended(job: Job, whole: Ended | None) -> Ended:
    """Run one job; one that is too quick to be killed is begun anew and killed sooner."""
    from lossbench.files import sha256

    folder, log = Path(job.folder), _beside(job, "log")
    if job.disk is not None:
        _mount(folder, job.disk)
    kind, place = "", 0.0
    if job.killed is not None:
        kind, share = job.killed
        place = share * getattr(whole, kind)
    counts = mmap.mmap(-1, 16)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    while True:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _run(job, counts, log, {kind: 1 + int(place)})
        if kind == "seconds":
            time.sleep(place)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        killed = code == -signal.SIGKILL
        if killed or kind != "seconds":
            break
        place /= 2
    seconds = 0.0 if killed else time.monotonic() - began
    files = {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    calls, writes = struct.unpack("qq", counts[:])
    return Ended(killed, code, calls, writes, seconds, files, log.read_text(encoding="utf-8"))


def _imported(job: Job) -> Path:
    """Return where a job that ended well says what it imported."""
    return _beside(job, "modules")


def _beside(job: Job, kind: str) -> Path:
    """Return a file beside the folder of a job, which another process may run at the same time."""
    return Path(job.folder).with_suffix(f".{OWN}.{kind}")


def _mount(folder: Path, size: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    options = f"remount,size={size}" if folder.is_mount() else f"size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _run(job: Job, counts: mmap.mmap, log: Path, last: Mapping[str, int]) -> None:
    """Be the process of a job."""
    code = 1
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        from lossbench.errors import exit_with_one_line
        from pipeline import command

        main = import_module(job.stage).main
        if job.memory is not None:
            _limit(job.memory)
        with _counted(last, counts):
            exit_with_one_line(lambda: command.recorded(main, job.arguments, lambda: job.spec))
        code = 0
        _imported(job).write_text(" ".join(sys.modules), encoding="utf-8")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


@contextlib.contextmanager
def _counted(last: Mapping[str, int], counts: mmap.mmap) -> Iterator[None]:
    """Count the calls of the block, and die before the `last`."""
    calls = writes = 0

    def count(frame: FrameType, event: str, called: Any) -> None:
        nonlocal calls, writes
        if event in ("call", "c_call"):
            calls += 1
            write = event == "c_call" and called.__name__ in WRITES
            writes += write
            if calls == last.get("calls") or (write and writes == last.get("writes")):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
        counts[:] = struct.pack("qq", calls, writes)


if __name__ == "__main__":
    _main()
