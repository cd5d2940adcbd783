"""Times things in turn in one process, for the benchmarks that print ratios: a load of the machine meets them alike.

The shortest run of each counts, since other work only ever lengthens one, by the process's own time of a CPU where it
can be, which such work hardly touches.
"""

import os
import subprocess
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Clock = Callable[[], float]
Block = Callable[[], float]
"""Runs what is measured and returns the seconds that it took."""


def timed(function: Callable[[], object], clock: Clock = time.process_time) -> Block:
    """Return a block that runs `function`."""

    def block() -> float:
        began = clock()
        function()
        return clock() - began

    return block


def shortest(blocks: Mapping[Key, Block], rounds: int) -> dict[Key, float]:
    """Return the seconds of the shortest run of each of `blocks`, all run in turn in every round."""
    found = [{key: block() for key, block in blocks.items()} for _ in range(rounds)]
    return {key: min(each[key] for each in found) for key in blocks}


def cpu_of(command: Sequence[str], folder: Path | None = None) -> tuple[float, str]:
    """Return the CPU seconds of a command and of all that it waited for, and what it printed."""
    before = os.times()
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system,
        printed,
    )


def processor() -> str:
    """Say which instructions the processor has for bfloat16, on which all that runs in it depends."""
    file = Path("/proc/cpuinfo")
    flags = set(file.read_text(encoding="utf-8").split()) if file.exists() else set()
    found = [name for name in ("avx512_bf16", "amx_bf16") if name in flags]
    return f"Measured on a processor with {' and '.join(f'`{name}`' for name in found) or 'none for bfloat16'}."
