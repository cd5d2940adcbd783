"""Training steps that were measured, in a file that `benchmarks/gpu_hours.py` writes and the plan reads."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lossbench.errors import UserError
from lossbench.files import written_atomically
from pipeline.config.files import check_separator, read_text

FILE = "gpu_seconds.csv"
"""In the folder of the configuration."""
COLUMNS = ("key", "what", "seconds_per_step", "peak_memory_mib", "device", "torch")
OUT_OF_MEMORY = "out of memory"
"""In place of the seconds of a step for which the device is too small."""
DIGITS = 12
"""Of a key."""


@dataclass(frozen=True)
class Measurement:
    """One kind of training step on one device."""

    what: str
    """All that decides its cost, in words."""
    seconds: float | None
    """Of one step, the data drawn beside it; None when the device's memory did not suffice."""
    peak_memory_mib: int | None
    """Largest memory that tensors took on a GPU; None on a CPU."""
    device: str
    torch: str
    """Version."""


def key_of(what: str) -> str:
    """Return the key of the words `what`: the first digits of their SHA-256."""
    return hashlib.sha256(what.encode()).hexdigest()[:DIGITS]


def read(path: Path) -> dict[str, Measurement]:
    """Return the measurements in the file `path` by key, none when there is no file.

    Raises UserError naming the line that can't be read or whose key is not that of its words.
    """
    if not path.is_file():
        return {}
    found: dict[str, Measurement] = {}
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    check_separator(path, list(reader.fieldnames or ()))
    for row in reader:
        try:
            if row["key"] != key_of(row["what"]):
                raise ValueError(f"the key of '{row['what']}' is {key_of(row['what'])}")
            if row["key"] in found:
                raise ValueError(f"'{row['what']}' is given twice")
            text, memory = row["seconds_per_step"], row["peak_memory_mib"]
            seconds = None if text == OUT_OF_MEMORY else float(text)
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ValueError(f"{text} seconds are no time")
            peak = int(memory) if memory else None
            found[row["key"]] = Measurement(row["what"], seconds, peak, row["device"], row["torch"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            where = f"{path}, line {reader.line_num}"
            raise UserError(f"{where}: {error!r}; delete the line and run benchmarks/gpu_hours.py") from None
    return found


def write(path: Path, measured: Mapping[str, Measurement]) -> None:
    """Write `measured` to `path` atomically, in the order of the words."""
    with written_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, one in sorted(measured.items(), key=lambda item: item[1].what):
            seconds = OUT_OF_MEMORY if one.seconds is None else f"{one.seconds:.5g}"
            memory = "" if one.peak_memory_mib is None else one.peak_memory_mib
            writer.writerow([key, one.what, seconds, memory, one.device, one.torch])
