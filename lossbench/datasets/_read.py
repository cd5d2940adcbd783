"""One picture or clip of a data set off the disk, checked, and whether it fits its partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lossbench.datasets._card import Source
from lossbench.datasets._located import is_from_outside
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.plugins.outside import said

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = Callable[[Source], "NDArray[Any]"]
Stream = Callable[[Source], "Iterator[NDArray[Any]]"]


def read_source(read: Read, source: Source, split: str) -> NDArray[Any]:
    """Return what `read` gives for `source`; raises UserError naming the split, also for another SHA-256."""
    _check_digest(source, split)
    with _placed(read, source, split):
        pixels = read(source)
        if is_from_outside(read):
            _check_pixels(pixels, source, dimensions=(3, 4))
        return pixels


def stream_source(stream: Stream, source: Source, split: str) -> Iterator[NDArray[Any]]:
    """Give the frames that `stream` gives for `source`; raises UserError as `read_source`."""
    _check_digest(source, split)
    with _placed(stream, source, split):
        for frame in stream(source):
            if is_from_outside(stream):
                _check_pixels(frame, source, dimensions=(3,))
            yield frame


@contextmanager
def _placed(method: Callable[..., Any], source: Source, split: str) -> Iterator[None]:
    """Name the split in a UserError of the block, and make one of what code from outside raises."""
    try:
        yield
    except UserError as error:
        raise UserError(f"split {split}: {error}") from None
    except MemoryError:
        raise
    # whatever the code of another package raises
    except Exception as error:
        if not is_from_outside(method):
            raise
        where = f"{method.__name__} of {method.__module__}"
        raise UserError(f"split {split}: {where} can't read {source.path} ({said(error)}); mend one of them") from error


def _check_pixels(pixels: Any, source: Source, dimensions: Sequence[int]) -> None:
    """Raise UserError unless code from outside gave what is promised of it."""
    import numpy as np

    if not isinstance(pixels, np.ndarray):
        found = f"a {type(pixels).__name__}"
    elif pixels.dtype.kind != "u" or pixels.ndim not in dimensions or not pixels.size:
        found = f"{pixels.dtype} {pixels.shape}"
    else:
        return
    raise UserError(
        f"{source.path} was read as {found}; give uint8 or uint16 (height, width, bands), whose largest value is white"
    )


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
