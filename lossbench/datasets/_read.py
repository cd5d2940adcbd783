"""One picture or clip of a data set off the disk, checked, and whether it fits its partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lossbench.datasets._card import Source
from lossbench.errors import UserError
from lossbench.files import sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = Callable[[Source], "NDArray[Any]"]
Stream = Callable[[Source], "Iterator[NDArray[Any]]"]


def read_source(read: Read, source: Source, split: str) -> NDArray[Any]:
    """Return what `read` gives for `source`; raises UserError naming the split, also for another SHA-256."""
    _check_digest(source, split)
    try:
        return read(source)
    except UserError as error:
        raise UserError(f"split {split}: {error}") from None


def stream_source(stream: Stream, source: Source, split: str) -> Iterator[NDArray[Any]]:
    """Give the frames that `stream` gives for `source`; raises UserError as `read_source`."""
    _check_digest(source, split)
    try:
        yield from stream(source)
    except UserError as error:
        raise UserError(f"split {split}: {error}") from None


def _check_digest(source: Source, split: str) -> None:
    if source.sha256 and sha256(source.path) != source.sha256:
        raise UserError(f"{source.path} (split {split}) has another sha256 than {source.sha256}; get the file again")


def check_pair_sizes(
    target_shape: Sequence[int], low_quality_shape: Sequence[int], scale: int, names: tuple[str, str]
) -> None:
    """Check that the low-quality height and width times `scale` are the target's, both shapes being (..., H, W, C).

    `names` are the files of the target and of its partner. Raises UserError with both names and sizes.
    """
    target = tuple(target_shape[-3:-1])
    low_quality = tuple(low_quality_shape[-3:-1])
    if target != tuple(side * scale for side in low_quality):
        raise UserError(
            f"{names[1]}: {low_quality[0]} x {low_quality[1]} pixels (height x width) times scale {scale} do not give"
            f" the {target[0]} x {target[1]} of {names[0]}; replace the low-quality file or correct the scale"
        )
