"""Clips as folders of frames or as video files: how their frames are found, and read one by one."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Card, Dataset, Source
from lossbench.datasets._tree import pictures, remedy
from lossbench.errors import UserError
from lossbench.formats import video
from lossbench.names import natural_path

NUMBER = re.compile(r"[0-9]+$")
"""Of a frame, at the end of its name."""

Frame = NDArray[Any]
"""(H, W, bands), integers whose largest value stands for 1."""


class ClipSet(Dataset):
    """Clips, each a folder of frames or a video file; prepared data have one item (T, H, W, bands) a clip.

    One item a clip and not one a frame: a window of frames, or a crop of one, is then a slice of the mapped file, the
    clip is what statistics count, and a metric of clips is given the item as it is.
    """

    extensions: Collection[str] = frozenset({".jpg", ".jpeg", ".png"})
    """Of the frames in folders, in small letters."""

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give the frames of a target one by one; raises UserError naming the file that is damaged, or of two sizes."""
        from lossbench.images import read_image

        if source.path.is_dir():
            return alike((path, read_image(path)) for path in self.files(source.path))
        return video.frames(source.path)

    def frames_low_quality(self, source: Source) -> Iterator[Frame]:
        """Give the frames of a partner, as `frames`."""
        return self.frames(source)

    def read(self, source: Source) -> NDArray[Any]:
        """Return the whole target (T, H, W, bands), for which there must be room; raises UserError as `frames`."""
        return np.stack(list(self.frames(source)))

    def read_low_quality(self, source: Source) -> NDArray[Any]:
        """Return the whole partner, as `read`."""
        return np.stack(list(self.frames_low_quality(source)))

    def files(self, folder: Path) -> list[Path]:
        """Return the frames in `folder` in the order of their numbers."""
        return sorted(pictures(folder, "of clips", self.card, self.extensions).values(), key=natural_path)


def alike(read: Iterable[tuple[Path, Frame]]) -> Iterator[Frame]:
    """Give the frames of a clip, read one by one; raises UserError naming the first that is not as the first frame."""
    first: tuple[Path, tuple[int, ...], Any] | None = None
    for path, frame in read:
        first = first or (path, frame.shape, frame.dtype)
        if (frame.shape, frame.dtype) != first[1:]:
            found, expected = (
                f"{shape[0]} x {shape[1]} pixels of {dtype} (height x width)"
                for shape, dtype in ((frame.shape, frame.dtype), first[1:])
            )
            raise UserError(f"{path}: {found} where {first[0].name} of the same clip has {expected}; replace the frame")
        yield frame


def numbered(files: list[Path], folder: Path, split: str, card: Card, start: int | None = 0) -> list[Path]:
    """Return the frames `files` of a clip, whose names end in their numbers, from `start` on (None: any number).

    Raises UserError naming the first of the numbers that is missing, or the frame that has none.
    """
    if not files:
        raise UserError(f"{folder}: no frame of split '{split}' of data set '{card.name}'; {remedy(card)}")
    for index, path in enumerate(files):
        ending = NUMBER.search(path.stem)
        if ending is None:
            raise UserError(f"{path}: frame of split '{split}' of data set '{card.name}' has no number; {remedy(card)}")
        digits = ending[0]
        start = int(digits) if start is None else start
        if int(digits) != start + index:
            absent = path.with_name(f"{path.stem[: -len(digits)]}{start + index:0{len(digits)}}{path.suffix}")
            raise UserError(f"{absent}: frame of split '{split}' of data set '{card.name}' is missing; {remedy(card)}")
    return files


def reduced(frames: Iterable[Frame], short_side: int) -> Iterator[NDArray[np.uint8]]:
    """Give frames of eight bits, whose shorter side is brought to `short_side` pixels where it is longer (Lanczos)."""
    from PIL import Image

    for frame in frames:
        if frame.dtype != np.uint8:
            frame = np.rint(frame / 257).astype(np.uint8)
        height, width = frame.shape[:2]
        if (shorter := min(height, width)) > short_side:
            size = (round(width * short_side / shorter), round(height * short_side / shorter))
            frame = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
        yield frame
