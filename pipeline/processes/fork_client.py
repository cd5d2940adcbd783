"""Run `python` with these arguments: forked by the server of `fork_server` where it can be, started anew elsewhere.

A shell calls this file for every `python`, so it imports little.
"""

import array
import json
import os
import signal
import socket
import sys

ADDRESS = "LOSSBENCH_FORK_SERVER"
"""Environment variable with the path of the server's socket."""
STREAMS = (0, 1, 2)
STAGES = ("train", "evaluate", "generate", "pretrain", "train_classifier", "train_distance", "submit", "import_weights")
"""Stages whose jobs are forked: those that import torch."""


def main() -> None:
    """Have the process made, pass SIGTERM on to it, and end as it does."""
    connection = _begun(sys.argv[1:]) if _is_forked(sys.argv[1:]) else None
    if connection is None:
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    # Ctrl-C reaches the job itself, which is in the process group of this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: connection.sendall(bytes([number])))
    answer = connection.recv(1)
    if not answer:
        sys.exit("the process of this job is gone")
    sys.exit(answer[0])


def _is_forked(arguments: list[str]) -> bool:
    return len(arguments) > 1 and arguments[0] == "-m" and arguments[1] in {f"pipeline.{stage}" for stage in STAGES}


def _begun(arguments: list[str]) -> socket.socket | None:
    """Return a connection to the server once it begins the job; None where it is not there, or ends before that."""
    if ADDRESS not in os.environ:
        return None
    asked = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "group": os.getpgrp(),
        "interruptible": signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
    }
    content = json.dumps(asked).encode()
    streams = array.array("i", STREAMS).tobytes()
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.environ[ADDRESS])
        connection.sendmsg([len(content).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(content)
        return connection if connection.recv(1) else None
    except OSError:
        return None


if __name__ == "__main__":
    main()
