"""What to do about a stored network that a stage made: it can be made anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from lossbench.errors import FileError, UserError


@contextmanager
def files_of_stages() -> Iterator[None]:
    """Tell of a network's file that is missing or damaged in the block how a stage makes it, not where others get one.

    A file that is closed to this user is whole, and stays as it is told.
    """
    try:
        yield
    except FileError as error:
        if error.anew is None:
            raise
        raise UserError(f"{error.fault}; {error.anew}") from None
