"""What the files of a finished job were: size, time and SHA-256 of each, by its path below the results folder."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lossbench.files import sha256
from pipeline.outputs.layout import READ_WITH


@dataclass(frozen=True)
class Made:
    """One file as a job left it."""

    size: int
    mtime_ns: int
    sha256: str


def made(root: Path, outputs: Iterable[Path]) -> dict[str, Made]:
    """Return what the files `outputs` are, and in folders among them all files but hidden ones; each is read once.

    Raises OSError for one that can't be read; what is not there is left out.
    """
    found = {}
    for path in (file for output in outputs for file in _files(output)):
        status = path.stat()
        found[path.relative_to(root).as_posix()] = Made(status.st_size, status.st_mtime_ns, sha256(path))
    return found


def as_plain(files: Mapping[str, Made]) -> dict[str, Any]:
    """Return `files` as a record holds them."""
    return {path: asdict(file) for path, file in files.items()}


def from_plain(files: Any) -> dict[str, Made]:
    """Return the files that a record tells of; none where it tells of none, or not as `as_plain` does."""
    try:
        return {str(path): Made(int(of["size"]), int(of["mtime_ns"]), str(of["sha256"])) for path, of in files.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def whole(path: Path, file: Made) -> bool:
    """Return whether `path` holds what was made, by its SHA-256; raises OSError where it can't be read."""
    return path.stat().st_size == file.size and sha256(path) == file.sha256


def looked_at(
    root: Path,
    files: Mapping[str, Made],
    outputs: Mapping[str, str],
    untouched: Callable[[Path, float], bool],
    suspected: str | None = None,
) -> tuple[str | None, dict[str, Made]]:
    """Return the first of `files` below `root` that is not what was made, and `files` with the times that they have.

    A file of the size and time of its record is taken for whole, and so is one of its size whose time (s) `untouched`
    knows; others are read, and the one that is `suspected`. One of the `outputs`, by name, that is not there was
    deleted to save room, and is made again by whatever needs it: it counts only where a file that is there stands for
    it.
    """
    seen = dict(files)
    for relative, file in files.items():
        path = root / relative
        try:
            status = path.stat()
            alike = status.st_size == file.size and relative != suspected
            if alike and (status.st_mtime_ns == file.mtime_ns or untouched(path, status.st_mtime)):
                continue
            if not whole(path, file):
                return relative, seen
            seen[relative] = replace(file, mtime_ns=status.st_mtime_ns)
        except FileNotFoundError:
            if _missed(path, outputs):
                return relative, seen
        except OSError:
            # closed to this user: whoever reads it says so
            continue
    return None, seen


def _missed(path: Path, outputs: Mapping[str, str]) -> bool:
    for name, output in outputs.items():
        if path == Path(output) or Path(output) in path.parents:
            standing = [outputs[other] for other, beside in READ_WITH.items() if beside == name and other in outputs]
            return any(Path(each).exists() for each in (output, *standing))
    return False


def _files(output: Path) -> Iterator[Path]:
    if output.is_dir():
        inside = (path for path in sorted(output.rglob("*")) if path.is_file())
        yield from (path for path in inside if not path.name.startswith("."))
    elif output.exists():
        yield output
