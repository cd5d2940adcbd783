"""The client by which other packages download from Hugging Face's hub, kept to one line where that can't be reached."""

import logging
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from lossbench.errors import tell
from lossbench.plugins.outside import said

CLIENT = "huggingface_hub"
SECONDS = 5.0
"""For which an answer of the hub is waited for."""
PORTS = {"http": 80, "https": 443}


@contextmanager
def hub_client() -> Iterator[str]:
    """Give why the hub can't be reached; empty where it can be, or where that is not known.

    In the block the client then looks at what it has kept alone, where it would try for a minute. What it says of its
    tries is a line at most.
    """
    constants = _constants()
    unreachable = _unreachable(constants.ENDPOINT) if constants and not constants.HF_HUB_OFFLINE else ""
    log = logging.getLogger(CLIENT)
    first, passed_on = _First(), log.propagate
    handlers = log.handlers
    log.handlers, log.propagate = [first], False
    if unreachable:
        constants.HF_HUB_OFFLINE = True
    try:
        yield unreachable
    finally:
        log.handlers, log.propagate = handlers, passed_on
        if unreachable:
            constants.HF_HUB_OFFLINE = False


def reason(unreachable: str, error: Exception) -> str:
    """Return why what was to come from the hub did not: what `hub_client` gave, where `error` is of a connection."""
    return (unreachable if isinstance(error, OSError) else "") or said(error)


class _First(logging.Handler):
    """Prints the first of the client's warnings, since it tries again and says so each time."""

    said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record where it is the first that is more than information."""
        if record.levelno >= logging.WARNING and not self.said:
            self.said = True
            tell(f"the hub does not answer as it should ({' '.join(record.getMessage().split())}); trying for a while")


def _constants() -> Any:
    """Return the module of the client's settings; None without the client."""
    try:
        return import_module(f"{CLIENT}.constants")
    except ImportError:
        return None


@cache
def _unreachable(endpoint: str) -> str:
    """Return why nothing answers at the address `endpoint`; empty where something does, or a proxy stands before it."""
    if urllib.request.getproxies():
        return ""
    place = urlsplit(endpoint)
    try:
        socket.create_connection((place.hostname, place.port or PORTS[place.scheme]), SECONDS).close()
    except OSError as error:
        return f"no connection to {place.hostname}: {error.strerror or error}"
    return ""
