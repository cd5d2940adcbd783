"""How a picture file begins, and what is wrong with one that can't be a picture: absent, closed, a pipe, a web page."""

import stat
from pathlib import Path

from lossbench.assets import contents
from lossbench.errors import UserError

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins, of 32 and of 64 bit addresses, in both orders of bytes."""


def beginning(path: Path, wanted: str = "a readable picture") -> bytes:
    """Return the first bytes of the file at `path`, which is to be what is `wanted`, without waiting for a pipe.

    Raises UserError naming the file when it is missing, closed to this user, no regular file, empty, or known to be
    something else: a web page, a pointer of Git LFS, an archive.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise unreadable(
                path, "it is a folder" if stat.S_ISDIR(mode) else "it is a pipe or device, no regular file", wanted
            )
        with path.open("rb") as file:
            head = file.read(contents.HEAD)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} is {'a broken link' if path.is_symlink() else 'missing'}; check the path") from None
    except PermissionError:
        raise UserError(f"{path} is {contents.CLOSED}") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); check the path") from None
    except ValueError as error:
        raise UserError(f"{path} is no path ({error}); check it") from None
    if what := contents.by_beginning(head):
        raise unreadable(path, what, wanted)
    return head


def unreadable(path: Path, what: object, wanted: str = "a readable picture") -> UserError:
    """Return the error of a file that is not what is `wanted` of it."""
    return UserError(f"{path} is not {wanted} ({what}); replace or remove the file")
