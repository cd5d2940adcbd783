"""Scores of many units, here or in processes of their own; the numbers are the same however many these are."""

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from lossbench import metrics
from lossbench.assets import pyiqa_models
from lossbench.errors import LONGEST, FileError, Notice, UserError, as_written, gathered
from lossbench.measuring.ending import end_with, ended_by_signal, without_interrupts
from lossbench.measuring.scoring import Request, Scored, Unit, scored

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What says to the libraries of a process, before they are loaded, how many threads they may use."""
Fault = tuple[str, str | None, str | None]
"""A UserError on its way out of a process: its message, or fault, remedy and what to make anew of a FileError."""


def checked_jobs(jobs: object, option: str = "jobs") -> int | None:
    """Return the number of processes, at most one a core with a Notice; None is this one.

    Raises UserError for what is no positive whole number.
    """
    try:
        number = jobs if jobs is None or (isinstance(jobs, int) and not isinstance(jobs, bool)) else int(str(jobs))
    except ValueError:
        number = 0
    if number is not None and number < 1:
        shown = jobs[:LONGEST] if isinstance(jobs, str) else as_written(jobs)
        raise UserError(f"{option} {shown}: not a whole number from 1; give the processes to use, such as 2")
    if number is not None and number > (most := cores()):
        what = f"{number} processes asked for; cores that this process may use: {most}, as many are used"
        warnings.warn(Notice(Path(option), what), stacklevel=2)
        return most
    return number


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def score_all(
    units: Sequence[Unit], requests: Sequence[Request], peak: int | None, jobs: int | None, done: Callable[[int], None]
) -> Iterator[Scored]:
    """Score each of `units` by that of `requests`, in their order; `done` is told how many pictures are.

    With `jobs` everything computes in one thread a process, so that the numbers do not depend on how many processes
    there are; without, here, and networks in as many threads as torch takes. Notices come in the order of the units.
    Raises UserError as `scored`, of the first unit that has one, and where the processes can't be started.
    """
    number = 0

    def one_more(pictures: int = 1) -> None:
        nonlocal number
        number += pictures
        done(number)

    todo = list(zip(units, requests, strict=True))
    networks = any(_has_network(name) for name in {name for request in requests for name in request})
    if jobs is None or min(jobs, len(todo)) < 2:
        with _one_thread(jobs is not None and networks):
            for unit, request in todo:
                yield scored(unit, request, peak, one_more)
        return
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # a script without a guard is run again by each process that it starts; the first says so
        raise SystemExit(1)
    with _pool(min(jobs, len(todo)), networks) as pool:
        try:
            # this starts them
            with _environment(), without_interrupts():
                # not by map, which cancels what is left while the pool says of it that a process ended
                futures = [pool.submit(_elsewhere, task, peak) for task in todo]
            for (unit, _), future in zip(todo, futures, strict=True):
                outcome, notices = future.result()
                for where, what in notices:
                    warnings.warn(Notice(where, what), stacklevel=2)
                if not isinstance(outcome, Scored):
                    message, remedy, anew = outcome
                    raise UserError(message) if remedy is None else FileError(message, remedy, anew)
                one_more(len(unit.files))
                yield outcome
        except BrokenProcessPool:
            raise UserError(
                f"--jobs {jobs}: a process ended before its work; give fewer where memory is short, and in a script "
                "put the call below `if __name__ == '__main__':`"
            ) from None


def _elsewhere(task: tuple[Unit, Request], peak: int | None) -> tuple[Scored | Fault, list[tuple[Path, str]]]:
    """Score a unit in a process of its own, from which errors and notices come as what they say."""
    outcome: Scored | Fault
    with gathered() as notices:
        try:
            outcome = scored(*task, peak)
        except FileError as error:
            outcome = error.fault, str(error.args[0]).removeprefix(f"{error.fault}; "), error.anew
        except UserError as error:
            outcome = str(error.args[0]), None, None
    return outcome, [(notice.where, notice.what) for notice in notices]


def _has_network(metric: str) -> bool:
    return metric.startswith(pyiqa_models.PREFIX) or bool(metrics.kinds(metrics.load(metric)))


@contextmanager
def _pool(processes: int, networks: bool) -> Iterator[ProcessPoolExecutor]:
    """Give processes that are started anew, as on every system, and end with the block; at once where it fails."""
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, context, _begin, (networks, theirs))
    with theirs, ours, ended_by_signal():
        try:
            yield pool
        except BaseException:
            ours.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(networks: bool, needed: Connection) -> None:
    # the process that waits for this one ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(needed)
    if networks:
        import torch

        torch.set_num_threads(1)


@contextmanager
def _one_thread(needed: bool) -> Iterator[None]:
    """Let torch compute in one thread within the block."""
    if not needed:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _environment() -> Iterator[None]:
    """Let the processes that are started within the block compute in one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
