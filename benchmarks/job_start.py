"""Jobs that are forked against jobs that are started: `python benchmarks/job_start.py`, on Linux.

A job that prints its usage and ends, asked for as Snakemake's commands do (`pipeline/processes/fork_client.py`): once
where a server answers, once where none does and Python starts anew. CPU seconds of all processes that take part. What
the server itself imports, once a run, is in the last row.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from in_turn import Block, cpu_of, shortest
from stage_steps import plan

from pipeline.processes import fork_client, fork_server

JOB = (sys.executable, "-I", "-S", fork_client.__file__, "-m", "pipeline.evaluate", "--help")
ROUNDS = 3
HEADING = """\
| jobs of the demo | number | forked / started |
| --- | --- | --- |"""


def serve(listener: int, folder: str, told: int) -> None:
    """Be the server, whose processes write the CPU seconds of their jobs to the file `told` before they end."""
    leave = os._exit

    def tell(code: int) -> None:
        own, jobs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        # the job itself ends so too, of which its watcher tells
        if jobs.ru_utime + jobs.ru_stime:
            os.write(told, f"{sum(one.ru_utime + one.ru_stime for one in (own, jobs))}\n".encode())
        leave(code)

    with patch("os._exit", tell):
        fork_server.main(socket.socket(fileno=listener), Path(folder))


@contextmanager
def forked() -> Iterator[tuple[Block, Block]]:
    """Give blocks of a job that a server forks, and of the server itself since it began."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        address = str(Path(folder, "socket"))
        listener.bind(address)
        listener.listen()
        files = (listener.fileno(), writing)
        command = [sys.executable, __file__, "--serve", str(files[0]), folder, str(files[1])]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=files)

        def own() -> float:
            # nanoseconds on a CPU, of the thread that forks
            return int(Path(f"/proc/{server.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9

        def job() -> float:
            before = own()
            with patch.dict(os.environ, {fork_client.ADDRESS: address}):
                asked, _ = cpu_of(JOB)
            return asked + float(os.read(reading, 64)) + own() - before

        try:
            # the first job has the server import the stages
            job()
            yield job, own
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(int(given.serve[0]), given.serve[1], int(given.serve[2]))
        return
    counts = {stage: len(jobs) for stage, jobs in plan("demo").jobs.items()}
    with forked() as (job, own):
        once = own()
        seconds = shortest({"forked": job, "started": lambda: cpu_of(JOB)[0]}, ROUNDS)
    few = sum(counts.get(stage, 0) for stage in fork_client.STAGES)
    print(HEADING)
    print(f"| of stages that import torch | {few} | {seconds['forked'] / seconds['started']:.3f} |")
    print(f"| all others, which are started | {sum(counts.values()) - few} | 1 |")
    print(f"| the server, once | | {once / seconds['started']:.2f} |")


if __name__ == "__main__":
    main()
