"""Files that appear whole or not at all, and their checksums."""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lossbench.names import fitting


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, delete it otherwise.

    Raises OSError (disk full, no permission) without touching what was at `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays last, since libraries choose a format by it
    temporary = path.with_name(fitting(f".{path.stem}", f".{os.getpid()}.partial{path.suffix}"))
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8; bytes of a file's name that are not UTF-8 become escapes."""
    with written_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write `rows` with `columns` to `path` (CSV), atomically; raises ValueError for a row with another column."""
    with written_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file at `path` as 64 hexadecimal digits."""
    return digest(path, "sha256")


def digest(path: Path, algorithm: str) -> str:
    """Return the digest of the file at `path` by `algorithm` (`sha256`, `md5`) as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
