"""Files that appear whole or not at all, and their checksums."""

import ast
import csv
import hashlib
import os
import stat
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lossbench.errors import UserError, quoted, room_for
from lossbench.names import fitting


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, delete it otherwise.

    Who may read it is what the umask says, however the block made it. Raises UserError naming `path` when the disk is
    full, and OSError for what else goes wrong, without touching what was at `path`.
    """
    # the suffix stays last, since libraries choose a format by it
    temporary = path.with_name(fitting(f".{path.stem}", f".{os.getpid()}.partial{path.suffix}"))
    with room_for(path), _gone_at_the_end(temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        # a file made plainly says what the umask is, which can't be asked for without setting it
        temporary.touch()
        mode = stat.S_IMODE(temporary.stat().st_mode)
        temporary.unlink()
        yield temporary
        temporary.chmod(mode)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)


@contextmanager
def _gone_at_the_end(temporary: Path) -> Iterator[None]:
    try:
        yield
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


def given_path(value: object, owner: str) -> Path:
    """Return the path `value` that a user gave as `owner`, its `~` expanded; raises UserError for what is no path."""
    if isinstance(value, str | os.PathLike) and (text := os.fspath(value)) and isinstance(text, str):
        return Path(os.path.expanduser(text))
    raise UserError(f"{owner}: {quoted(value)} is no path; give the file as text or as a Path")


def check_writable(folder: Path, owner: str) -> None:
    """Raise UserError naming `owner` where no file could be written to `folder`, made if need be; nothing is made."""
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not os.path.isdir(place):
        raise UserError(f"{owner}: {place} is {'a file' if os.path.exists(place) else 'a broken link'}; give a folder")
    if not _allowed(place, os.W_OK):
        raise UserError(f"{owner}: {folder} can't be written to ({place} is closed to you); give another folder")


def check_readable_folder(folder: Path, owner: str) -> None:
    """Raise UserError naming `owner` where `folder` is absent, no folder, or closed to this user."""
    if not os.path.isdir(folder):
        raise UserError(f"{owner}: {folder} is {'no folder' if os.path.exists(folder) else 'missing'}; give a folder")
    if not _allowed(folder, os.R_OK):
        raise UserError(f"{owner}: {folder} is closed to you; ask its owner, or give another folder")


def _allowed(folder: Path, right: int) -> bool:
    return os.access(folder, right | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of the Python file at `path`, whatever encoding it states.

    Raises UserError naming the file and the line of what is no Python, and FileNotFoundError where there is no file.
    """
    try:
        with tokenize.open(path) as file:
            return ast.parse(file.read(), str(path))
    except SyntaxError as error:
        where = f"{path}, line {error.lineno}" if error.lineno else str(path)
        raise UserError(f"{where}: {error.msg}; mend the file") from None
    except ValueError as error:
        raise UserError(f"{path} is no Python source ({error}); save it as UTF-8") from None
