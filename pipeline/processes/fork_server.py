"""A process that imports the stages once and forks a job of them: importing torch takes longer than a short job.

Snakemake's process starts it (`start`), the commands of jobs ask it through `fork_client`, and it ends with Snakemake.
Jobs do not depend on it: those that run go on, and what can't be forked starts as any Python does.
"""

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from pipeline.processes.fork_client import ADDRESS, STAGES, STREAMS

BEGUN = b"\1"
"""What the server answers when a job begins; its exit code follows."""
PACKAGES = ("pyrtools", "torchvision", "timm")
"""What metrics import when they are first asked for, and takes long."""


@dataclass(frozen=True)
class Request:
    """What a job was called with."""

    arguments: list[str]
    """Those of `python`: -m, the module, and its own."""
    folder: str
    environment: dict[str, str]
    group: int
    """Process group of its shell: a signal to that reaches the job too."""
    interruptible: bool
    """Whether SIGINT ends it; a shell has what it runs in the background ignore that."""
    streams: list[int]
    """Open files that become its standard input, output and error."""


def start() -> subprocess.Popen[bytes] | None:
    """Start the server and let the commands of this process know of it; None where it can't be, and nothing changes.

    On Linux alone: elsewhere libraries that are loaded may not survive a fork.
    """
    if sys.platform != "linux" or ADDRESS in os.environ:
        return None
    folder = tempfile.mkdtemp(prefix="lossbench-")
    address = str(Path(folder, "socket"))
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:
            # a path too long, or a file system without sockets
            shutil.rmtree(folder)
            return None
        listener.listen(128)
        file = listener.fileno()
        # its standard input stays open for as long as this process lives
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(file), folder],
            stdin=subprocess.PIPE,
            pass_fds=[file],
            cwd=Path(__file__).parents[2],
        )
    os.environ[ADDRESS] = address
    return server


def main(listener: socket.socket, folder: Path) -> NoReturn:
    """Serve until Snakemake has ended; in a process of a job, run that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    request = _serve(listener)
    if request is not None:
        _run(request)
    shutil.rmtree(folder, ignore_errors=True)
    _end(0)


def _serve(listener: socket.socket) -> Request | None:
    """Fork two processes for each connection, its job and one that watches it; return the request in that of the job.

    The stages are imported when the first job is asked for.
    """
    loaded = False
    while sys.stdin not in (ready := select.select([sys.stdin, listener], [], [])[0]):
        assert ready
        connection, _ = listener.accept()
        if not loaded:
            _load()
            loaded = True
        with connection:
            if os.fork() == 0:
                listener.close()
                return _begun(connection)
    return None


def _load() -> None:
    for stage in STAGES:
        import_module(f"pipeline.{stage}")
    for package in PACKAGES:
        # metrics name a package that is missing when they need it
        with suppress(ImportError):
            import_module(package)
    # what is imported stays until the end: no job walks through it to find what could be freed
    gc.collect()
    gc.freeze()


def _begun(connection: socket.socket) -> Request:
    """Return what is asked for in the process of its job; watch that and end with it in this one."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = _received(connection)
    # what reaches the group that it joins waits until the job can meet it
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    job = os.fork()
    if job == 0:
        return request
    with suppress(OSError):
        # the shell may have ended, or be of another session
        os.setpgid(job, request.group)
    with suppress(OSError):
        # from now on whoever asked passes signals on, and does not start the job itself
        connection.sendall(BEGUN)
    for stream in request.streams:
        os.close(stream)
    ended = os.pidfd_open(job)
    while ended not in select.select([ended, connection.fileno()], [], [])[0]:
        # whoever asked passes a signal on, or is gone
        number = connection.recv(1)
        os.kill(job, number[0] if number else signal.SIGKILL)
        if not number:
            break
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    with suppress(OSError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _received(connection: socket.socket) -> Request:
    head, streams, _, _ = socket.recv_fds(connection, 8, len(STREAMS))
    with connection.makefile("rb") as text:
        content = json.loads(text.read(int.from_bytes(head, "big")))
    return Request(**content, streams=streams)


def _run(request: Request) -> NoReturn:
    """Be a Python that was started with what `request` says, and end."""
    for stream, file in zip(STREAMS, request.streams, strict=True):
        os.dup2(file, stream)
        os.close(file)
    sys.stdin = os.fdopen(STREAMS[0], closefd=False)
    sys.stdout = os.fdopen(STREAMS[1], "w", closefd=False)
    sys.stderr = os.fdopen(STREAMS[2], "w", buffering=1, errors="backslashreplace", closefd=False)
    if request.interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    _, module, *arguments = request.arguments
    sys.argv = [module, *arguments]
    sys.path[0] = request.folder
    # it runs as __main__, as it would by itself
    del sys.modules[module]
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as left:
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
        else:
            code = int(left.code or 0)
    except KeyboardInterrupt:
        # before the stage itself can say so
        print("interrupted", file=sys.stderr)
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _end(code: int) -> NoReturn:
    """End as Python does, but without taking apart all that was imported, which takes longer than a short job."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
