"""What to do about what ends a stage: a stored network can be made anew, and memory be had or saved."""

from collections.abc import Iterator
from contextlib import contextmanager

from lossbench.errors import FileError, UserError, memory_for

MORE_MEMORY = (
    "give it more (memory_mb of the scale, fewer --cores at once, a GPU with more), or less to do at once (accumulate "
    "and tile of a network, batch and patch of a recipe)"
)
"""What helps a job of any stage whose memory is used up."""


@contextmanager
def memory_of_stages(stage: str) -> Iterator[None]:
    """Tell of memory that is used up in the block, which is a job of `stage`, what can be done."""
    with memory_for(stage, MORE_MEMORY):
        yield


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
