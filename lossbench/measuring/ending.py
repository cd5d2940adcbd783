"""How processes that work for another one end: with it, however it ends."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NoReturn


def end_with(needed: Connection) -> None:
    """End this process when the other end of `needed` is closed, as it is however the process that holds it ends."""
    threading.Thread(target=_wait, args=(needed,), daemon=True).start()


def _wait(needed: Connection) -> None:
    try:
        needed.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """Let SIGTERM leave the block as SystemExit with the shell's exit code for it, so that what it began is ended.

    A handler that a program has set itself stays, and so does all beside the main thread, which alone has handlers.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Keep Ctrl-C from the processes that are started within the block, all their life; here it comes after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
