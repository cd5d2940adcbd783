"""A Slurm cluster of one node with three pretend GPUs, started by hand and gone when the test ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAMS = ("slurmctld", "slurmd", "srun", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
NODE = ("slurmd", "-D", "-N", "localhost")
SECONDS = 60
"""What starting or stopping may take."""
CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=bf_interval=5
MinJobAge=3600
KillWait=5
MailProg=/bin/true
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=localhost CPUs=4 RealMemory=8000 Gres=gpu:pretend:3 State=UNKNOWN
PartitionName=short Nodes=ALL MaxTime=1 State=UP
PartitionName=cpu Nodes=ALL Default=YES State=UP
PartitionName=gpu Nodes=ALL State=UP
"""
"""No munge, cgroup or database; listens on the loopback alone, as it must without authentication. What is put back into
the queue waits until its old credential has ended."""
# each GPU must be a device
GPUS = "".join(f"Name=gpu Type=pretend File=/dev/{name}\n" for name in ("null", "zero", "full"))
# the plugin takes SLURM_CONF away from the srun within a job
SRUN = '#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {srun} "$@"\n'


class Cluster:
    """Runs within `with`; leaves no process and nothing outside its folder."""

    def __init__(self, folder: Path) -> None:
        """Keep all that Slurm writes in `folder`."""
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """Return what Slurm's commands need to find the cluster."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def call(self, *command: str) -> str:
        """Return what a command of Slurm's prints."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def __enter__(self) -> Self:
        """Start both daemons and wait until the node takes jobs."""
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        controller, node = _free_ports(2)
        text = CONFIGURATION.format(folder=self.folder, controller=controller, node=node)
        (self.folder / "slurm.conf").write_text(text, encoding="ascii")
        (self.folder / "gres.conf").write_text(GPUS, encoding="ascii")
        shim = self.folder / "bin/srun"
        shim.write_text(SRUN.format(folder=self.folder, srun=shutil.which("srun")), encoding="ascii")
        shim.chmod(0o755)
        self._start("slurmctld", "-i", "-D")
        self._start(*NODE)
        try:
            self._wait_for_node("idle")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel all jobs and stop; slurmd hangs on steps that still run."""
        try:
            self._says("scancel", "-u", "root")
            _wait(lambda: self._says("squeue", "-h") == "", "jobs that could not be cancelled")
        finally:
            self._stop()

    def lose_node(self) -> None:
        """Let the node go down with all that runs there, as in a power cut, and come back."""
        node = self._daemons.pop()
        node.kill()
        node.wait()
        # what looks after a job first, or it would report that the job failed
        for process in sorted(_on_node(self.folder), key=lambda each: not _is_step_daemon(each)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        # the controller would find out by itself, after minutes
        self.call("scontrol", "update", "NodeName=localhost", "State=DOWN", "Reason=lost")
        self._start(*NODE)

    def _start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.printed").open("ab") as printed:
            environment = {**os.environ, **self.environment}
            self._daemons.append(subprocess.Popen(command, env=environment, stdout=printed, stderr=printed))

    def _wait_for_node(self, state: str) -> None:
        _wait(lambda: self._says("sinfo", "-h", "-p", "cpu", "-o", "%T") == state, "the node never took jobs")

    def _says(self, *command: str) -> str | None:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.call(*command).strip()
        return None

    def _stop(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(until: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + SECONDS
    while not until():
        if time.monotonic() > end:
            raise TimeoutError(f"{otherwise} in {SECONDS} s")
        time.sleep(0.2)


def _on_node(folder: Path) -> list[int]:
    """Return the numbers of all processes of jobs of the cluster in `folder`, and of what looks after them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            own = str(folder).encode() in environment
            if own and (b"\0SLURM_JOB_ID=" in environment or _is_step_daemon(int(entry.name))):
                found.append(int(entry.name))
    return found


def _is_step_daemon(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"slurmstepd")
    return False
