"""One picture of a data set off the disk, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lossbench.datasets._card import Source
from lossbench.errors import UserError
from lossbench.files import sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = Callable[[Source], "NDArray[Any]"]


def read_source(read: Read, source: Source, split: str) -> NDArray[Any]:
    """Return what `read` gives for `source`; raises UserError naming the split, also for another SHA-256."""
    if source.sha256 and sha256(source.path) != source.sha256:
        raise UserError(f"{source.path} (split {split}) has another sha256 than {source.sha256}; get the file again")
    try:
        return read(source)
    except UserError as error:
        raise UserError(f"split {split}: {error}") from None
