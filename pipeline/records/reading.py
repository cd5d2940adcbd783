"""What a job reads is what was made: the files that it is given, compared by SHA-256 with the records of their jobs."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.records import Strict
from pipeline.outputs.layout import Place, makers, path_of, read_with, record_of
from pipeline.records.made import Made, from_plain
from pipeline.records.record import FILES, mark, read_record


def check_given(reader: Place, values: Mapping[str, Any]) -> None:
    """Raise UserError for a file of another job, among the arguments `values` of `reader`, that isn't what was made.

    That is marked in its record, so that the next run makes it anew. With a file those count that are read by way of
    it. Each file is read once, in blocks; one of which no record tells is taken as it is.
    """
    records: dict[Path, dict[str, Made]] = {}
    checked: set[str] = set()
    for path in dict.fromkeys(_paths(values)):
        for maker, name in makers(reader.root, path):
            if (maker.stage, maker.wildcards) == (reader.stage, reader.wildcards):
                continue
            record = Path(record_of(maker.root, maker.stage, maker.wildcards))
            if record not in records:
                records[record] = from_plain(read_record(record).get(FILES))
            read = [path_of(maker.root, maker.stage, each, maker.wildcards) for each in read_with(maker.stage, name)]
            for relative, file in records[record].items():
                whole = f"{maker.root}/{relative}"
                if relative not in checked and any(whole == each or whole.startswith(f"{each}/") for each in read):
                    checked.add(relative)
                    _check(Path(whole), relative, file, record)


def _check(path: Path, relative: str, file: Made, record: Path) -> None:
    try:
        found = sha256(path)
    except FileNotFoundError:
        found = ""
    except OSError:
        # closed to this user, or a disk that fails: whoever reads it says so
        return
    if found == file.sha256:
        return
    # results that can't be written to are named all the same
    with suppress(OSError):
        mark(record, relative)
    what = f"has SHA-256 {found}, not {file.sha256}," if found else "is missing,"
    raise UserError(
        f"{path} {what} so it is not what was made; run snakemake again to make it anew, put the true file back, or "
        f"delete {record} to take the file as it is"
    )


def _paths(value: Any) -> Iterator[str]:
    """Give every text and path in `value`."""
    if isinstance(value, Strict):
        yield from _paths(value.model_dump())
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _paths(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _paths(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _paths(getattr(value, field.name))
    elif isinstance(value, str | Path):
        yield str(value)
