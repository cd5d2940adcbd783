"""What a user can mend: one clear message, no traceback, on every terminal and in every log."""

import difflib
import errno
import io
import os
import signal
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

LONGEST = 60
"""Characters of a value that a message shows."""
FEW = 100
"""Names that a message lists at most: more than any folder of plugins has, fewer than a plan has jobs."""

_NO_MEMORY = (os.strerror(errno.ENOMEM), "not enough memory", "out of memory", "ALLOC_FAILED")
"""What errors of the system, of torch and of NVIDIA's libraries say where memory is used up."""
_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, of bytes that are not UTF-8 (`os.fsdecode`), and of line breaks."""
_PLACES = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.ENAMETOOLONG, errno.ELOOP),
}
"""What a user can mend of a file or folder."""
OUTPUT = "standard output"
"""What an error of writing there has for the name of a file."""
_BROKEN_PIPE = 128 + 13
"""What shells give for a process that SIGPIPE ended."""
_INTERRUPTED = 128 + signal.SIGINT
"""The same for Ctrl-C."""


class UserError(Exception):
    """A mistake that the user can mend; the message names the file or key, the value and the remedy."""

    def __str__(self) -> str:
        """Return the message with what is not printable escaped, so that every terminal and log takes it."""
        return one_line(super().__str__(), keep="\n")


class FileError(UserError):
    """A file that is no network of lossbench: what is wrong with it, and what its user can do about it."""

    def __init__(self, fault: str, remedy: str, anew: str | None = None) -> None:
        """Join `fault`, which names the file, and `remedy`; `anew` is that of who can make the file again."""
        super().__init__(f"{fault}; {remedy}")
        self.fault, self.anew = fault, anew


class FullError(UserError):
    """A full disk, a used-up quota or a file size limit: nothing more can be written there."""


class Notice(UserWarning):
    """What was left out of a user's file or assumed of it, so that it is not passed over in silence."""

    def __init__(self, where: Path, what: str) -> None:
        """Say `what` of the file or folder `where`."""
        super().__init__(one_line(f"{where}: {what}"))
        self.where, self.what = where, what


@contextmanager
def gathered() -> Iterator[list[Notice]]:
    """Give the notices of the block as they come, in place of showing each; other warnings are shown as ever."""
    notices: list[Notice] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        show = warnings.showwarning

        def keep(message: Warning | str, *details: Any, **more: Any) -> None:
            if isinstance(message, Notice):
                notices.append(message)
            else:
                show(message, *details, **more)

        warnings.showwarning = keep
        yield notices


def summed_up(notices: Iterable[Notice]) -> list[str]:
    """Return a line for each kind of notice, with the first file and the number of the others, as `one_line` does."""
    files: dict[str, dict[Path, None]] = {}
    for notice in notices:
        files.setdefault(notice.what, {})[notice.where] = None
    return [
        one_line(f"{next(iter(found))}{f' and {len(found) - 1} more' if len(found) > 1 else ''}: {what}")
        for what, found in files.items()
    ]


def say(notices: Iterable[Notice]) -> None:
    """Print a line for each kind of notice on standard error."""
    for line in summed_up(notices):
        tell(f"warning: {line}")


def tell(line: str) -> None:
    """Print `line` on standard error; nothing where the process has none or it can't be written to."""
    # to print, None is standard output
    if sys.stderr is not None:
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of `known` is nearest to `name`, in whatever case it is written, and list them where they are few."""
    names = sorted({*known})
    by_lower_case = {each.casefold(): each for each in names}
    match = difflib.get_close_matches(name.casefold(), by_lower_case, n=1, cutoff=0.5)
    hint = f"did you mean '{by_lower_case[match[0]]}'? " if match else ""
    return f"{hint}known: {', '.join(names) or 'none'}" if len(names) <= FEW else f"{hint}{len(names)} are known"


def as_written(value: Any) -> str:
    """Return `value` as a message shows it: YAML's words for nothing, true and false, and not too long."""
    words = {None: "nothing", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else quoted(value)


def quoted(value: Any) -> str:
    """Return `value` as Python writes it, on one line, as an array is not by itself, and not too long."""
    text = " ".join(line.strip() for line in repr(value).splitlines())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Name the file and entry `where` in a UserError of the block."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn a full disk, a used-up quota or a file size limit met in the block into a FullError naming `path`."""
    try:
        yield
    except Exception as error:
        # safetensors wraps the system's error and keeps nothing but its text
        reason = next((text for text in _NO_ROOM if text in str(error)), None)
        if reason is None or _is_of_output(error) or isinstance(error, UserError):
            raise
        raise FullError(f"{path}: {reason}; make room there and rerun") from None


def is_of_memory(error: Exception) -> bool:
    """Return whether `error` says that the memory of the machine or of its GPU is used up."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY)


@contextmanager
def memory_for(what: str, remedy: str) -> Iterator[None]:
    """Turn memory of the machine or its GPU that is used up in the block into a UserError of `what` with `remedy`."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        parts = str(error).strip().partition("\n")[0].split(". ")
        said = next((part for part in parts if "allocat" in part), parts[0]).strip(".")
        raise UserError(f"{what}: out of memory{f' ({said})' if said else ''}; {remedy}") from None


def exit_with_one_line(main: Callable[[], object]) -> None:
    """Run `main`; a UserError becomes one line on standard error and exit code 1, and so does a place of no use.

    Notices of the files that were read are a line for each kind.
    Such is a file or folder that is absent, of the other sort, full, or not this user's to read or write, or memory
    that is used up. Where the reader of standard output goes away, as `head` does, the process ends in silence with the
    shell's exit code for it, and after Ctrl-C with one line and that.
    """
    tolerate()
    try:
        with _said(), memory_for("this command", "give it smaller pictures or a machine with more memory"):
            _flushed(main)
    except UserError as error:
        _exit(str(error))
    except KeyboardInterrupt:
        tell("interrupted")
        raise SystemExit(_INTERRUPTED) from None
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(_BROKEN_PIPE) from None
    except OSError as error:
        if _is_of_output(error):
            _drop_output()
            _exit(f"{OUTPUT}: {error.strerror}")
        if error.filename is None or error.errno not in _PLACES:
            raise
        _exit(f"{error.filename}: {error.strerror}; check the path and who may read and write there")


@contextmanager
def _said() -> Iterator[None]:
    """Print the notices of the block when it ends, however it does."""
    with gathered() as notices:
        try:
            yield
        finally:
            say(notices)


def _flushed(main: Callable[[], object]) -> None:
    """Run `main` and write out what it printed, also where it exits itself: at the very end no error can be met."""
    try:
        main()
    except SystemExit:
        _flush()
        raise
    _flush()


def _flush() -> None:
    # None where the process was started without standard output
    if sys.stdout is not None:
        sys.stdout.flush()


def _drop_output() -> None:
    """Let what is still to be written go nowhere, or the interpreter complains of it when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit(message: str) -> NoReturn:
    tell(f"error: {one_line(message)}")
    raise SystemExit(1) from None


def one_line(text: str, keep: str = "") -> str:
    r"""Return `text` with what is not printable escaped as Python does (`\n`, `\xff`), save the characters `keep`."""
    return "".join(
        character if character in keep or unicodedata.category(character) not in UNPRINTABLE else _escaped(character)
        for character in text
    )


def shown(name: str) -> str:
    """Return the name of a file on one line; different names give different text."""
    return one_line(name.replace("\\", "\\\\"))


def tolerate() -> None:
    r"""Let standard output and error take every character: what their encoding lacks is printed as `\u2192`.

    Errors of writing to standard output name it, and a process without standard error has one that goes nowhere.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    # what a program or a test has put in its place is its own
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper) and type(getattr(output.buffer, "raw", output.buffer)) is io.FileIO:
        sys.stdout = _naming_itself(output)
    for stream in (sys.stdout, sys.stderr):
        # a stream that a program put in their place has no encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Output(io.FileIO):
    """The file of standard output, which has no name in the errors of the system."""

    def write(self, content: Any, /) -> int:
        """Write as ever; what goes wrong is of standard output."""
        try:
            return super().write(content)
        except OSError as error:
            error.filename = OUTPUT
            raise


def _naming_itself(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a stream to where `stream` goes, with its settings and an `_Output` below."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(stream.fileno(), "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _is_of_output(error: Exception) -> bool:
    return isinstance(error, OSError) and error.filename == OUTPUT


def _escaped(character: str) -> str:
    code = ord(character)
    # bytes that are not UTF-8 come as these
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()
