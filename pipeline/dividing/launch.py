"""Several processes of one stage, started and watched by torch's own launcher, that of `torchrun`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from lossbench.errors import UserError
from pipeline.outputs.remedies import files_of_stages

SHUTDOWN = ("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "120")
"""Seconds that a process has, after SIGTERM, to end its step and save itself before it is killed."""
LOGGERS = ("torch.distributed.elastic", "torch.multiprocessing")
"""Who would tell in many lines what is said in one here."""


def launch(main: Callable[..., object], values: Mapping[str, Any], processes: int) -> None:
    """Call `main` in `processes` processes of this machine, one a GPU where it has any; return when all are done.

    Where one dies the others are ended. SIGTERM is handed on to all; this process then ends as they do, when they have.
    Raises UserError for fewer GPUs than processes, and with the line of the process that failed first.
    """
    import torch

    there = torch.cuda.device_count()
    if 0 < there < processes:
        raise UserError(f"--processes {processes}: this machine shows {there} GPUs; give {there} or fewer")
    os.environ.setdefault(*SHUTDOWN)
    # a stage sets its threads itself; accelerate would warn of this
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with _passing_files() as folder:
        _launch(main, values, processes, folder)


def _launch(main: Callable[..., object], values: Mapping[str, Any], processes: int, folder: str) -> None:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # the loggers are there when their modules are
    _quieten()
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        max_restarts=0,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        start_method="spawn",
        logs_specs=DefaultLogsSpecs(log_dir=folder),
    )
    try:
        elastic_launch(config, _process)(main, dict(values))
    except SignalException as error:
        raise SystemExit(128 + error.sigval) from None
    except ChildFailedError as error:
        _tell(error, processes)


@contextmanager
def _passing_files() -> Iterator[str]:
    """Give a folder for what the launcher writes for itself, and have it there, until the end of the block."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="lossbench-") as folder:
        tempfile.tempdir = folder
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _quieten() -> None:
    """Silence `LOGGERS` and those below them, each of which has a level of its own."""
    for name in [*logging.root.manager.loggerDict]:
        if name.startswith(LOGGERS):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _process(main: Callable[..., object], values: Mapping[str, Any]) -> None:
    """Call `main` in one process; the first alone prints. Errors that a user can mend reach `_tell` as UserErrors."""
    if os.environ["RANK"] != "0":
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    _quieten()
    try:
        with files_of_stages():
            main(**values)
    except UserError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise UserError(f"{error.filename}: {error.strerror}; check the path and who may use it") from None


def _tell(error: Any, processes: int) -> NoReturn:
    """Raise what the process that failed first failed of."""
    # one that loses another may abort, and be told of before it
    failure = min(error.failures.values(), key=lambda each: (each.exitcode == -signal.SIGABRT, each.timestamp))
    if failure.exitcode in (128 + signal.SIGTERM, -signal.SIGTERM):
        raise SystemExit(128 + signal.SIGTERM) from None
    if failure.exitcode < 0:
        raise UserError(
            f"process {failure.local_rank + 1} of {processes} was killed ({signal.Signals(-failure.exitcode).name}), "
            "and the others ended with it; run it again: it goes on from its checkpoint"
        ) from None
    told = failure.message["message"] if isinstance(failure.message, dict) else failure.message
    kind, _, text = str(told).partition(": ")
    if kind == UserError.__name__:
        raise UserError(text) from None
    raise error
