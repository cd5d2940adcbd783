"""Whether the files of a finished job are still what was made, looked at when a run is planned."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pipeline.planning.job import Job
from pipeline.records.made import from_plain, looked_at
from pipeline.records.record import DAMAGED, FILES, read_record, write_files

_LOOKED: WeakKeyDictionary[Job, str | None] = WeakKeyDictionary()
"""What `damage` said of each job: several others read its files, and these may be large."""


def damage(job: Job, memory: Any, noted: bool) -> str | None:
    """Return the path of a file of `job` that is not what was made; None where all are, or none is known.

    Files are read where size or time are neither those of the record nor those of Snakemake's `memory`: it sets the
    time of what a job made when that has ended. Where it is to be `noted`, the record gets the times of what was read
    and is whole.
    """
    if job not in _LOOKED:
        _LOOKED[job] = _look(job, memory, noted)
    return _LOOKED[job]


def _look(job: Job, memory: Any, noted: bool) -> str | None:
    if not os.path.exists(job.record):
        return None
    from snakemake.io import IOFile  # type: ignore[import-untyped]

    record = read_record(Path(job.record))
    # what was made from something else is made again for that reason
    if record.get("digest") != job.digest:
        return None

    def untouched(path: Path, mtime: float) -> bool:
        known = memory.metadata(IOFile(str(path)))
        return known is not None and bool(known.endtime == mtime)

    root, files = Path(job.root), from_plain(record.get(FILES))
    wrong, seen = looked_at(root, files, job.outputs(), untouched, record.get(DAMAGED))
    if wrong is not None:
        return str(root / wrong)
    if noted and (seen != files or DAMAGED in record):
        # results that can't be written to are looked at each time
        with suppress(OSError):
            write_files(Path(job.record), seen)
    return None
