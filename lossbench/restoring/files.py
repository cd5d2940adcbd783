"""Restore one file or folder of frames into its place: what is written is whole, and keeps what the source keeps."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lossbench.assets.optional import imported
from lossbench.datasets._clips import alike
from lossbench.errors import FullError, Notice, UserError, gathered
from lossbench.files import written_atomically
from lossbench.formats import png, video, video_writing
from lossbench.formats.beside import Beside, beside
from lossbench.formats.partners import listed_by_number
from lossbench.formats.picture import ALPHA, Picture
from lossbench.images import read_picture
from lossbench.restoring.model import Levels, Model
from lossbench.restoring.places import Item
from lossbench.restoring.record import clear, digest_of, frame_name
from lossbench.restoring.written import SHOWN, TIFF, WORD, is_video_file

Said = Callable[[int, int], None]
"""Takes what is done of an item and what there is to do, in tiles or frames."""


@dataclass(frozen=True)
class Made:
    """A result."""

    height: int
    width: int
    frames: int = 1


def restore_item(item: Item, model: Model, said: Said) -> Made:
    """Restore `item` and write the result; raises UserError naming the source for what can't be restored."""
    # before it is read, so that what changes meanwhile is seen later
    text = model.record.text(digest_of(item))
    if item.kind == "picture":
        return _picture(item, model, said, text)
    made = _frames(item, model, said, text) if item.kind == "frames" else _video(item, model, said, text)
    clear(item)
    return made


def _picture(item: Item, model: Model, said: Said, text: str) -> Made:
    picture = _read(item.source, model)
    with _named(item.source):
        _check_bands(item.output, picture.pixels.shape[-1], model)
        levels = model.picture(picture.pixels, picture.white, picture.deep, said)
    _write(item.output, levels, beside(item.source), text)
    return Made(levels.shape[0], levels.shape[1])


def _read(source: Path, model: Model) -> Picture:
    """Read a picture; says what is done to bands that do not fit. Raises UserError naming the file."""
    with gathered() as notices:
        picture = read_picture(source)
    for notice in notices:
        # alpha is not left out here
        if not notice.what.startswith(ALPHA):
            warnings.warn(notice, stacklevel=2)
    with _named(source):
        word = model.fit(picture.pixels.shape[-1]).word
    if word:
        warnings.warn(Notice(source, word), stacklevel=2)
    return picture


def _write(output: Path, levels: Levels, kept: Beside, text: str) -> None:
    """Write a picture as PNG or TIFF with what was beside the levels of its source, and the record `text`."""
    alpha, bands = kept.alpha_of(*levels.shape[:2]), levels.shape[-1]
    if alpha is not None:
        if alpha.dtype != levels.dtype:
            # a palette has alpha of eight bits, a file of sixteen bits colour of more
            alpha = np.rint(alpha * (np.iinfo(levels.dtype).max / np.iinfo(alpha.dtype).max)).astype(levels.dtype)
        levels = np.concatenate([levels, alpha[..., None]], axis=-1)
    profile = kept.profile_of(bands)
    if output.suffix.lower() not in TIFF:
        png.write_levels(output, levels, {WORD: text}, profile)
        return
    tifffile = imported("tifffile", output.name)
    extra = [2 - kept.blended] if alpha is not None else []
    extra = [0] * (bands - 1 if bands != 3 else 0) + extra
    with written_atomically(output) as temporary:
        tifffile.imwrite(
            temporary,
            levels if levels.shape[-1] > 1 else levels[..., 0],
            photometric="rgb" if bands == 3 else "minisblack",
            planarconfig="contig" if levels.shape[-1] > 1 else None,
            extrasamples=extra or None,
            description=text,
            metadata=None,
            iccprofile=profile or None,
        )


def _frames(item: Item, model: Model, said: Said, text: str) -> Made:
    files = listed_by_number(item.source)
    if len(files) < model.least_frames():
        least = model.least_frames()
        raise UserError(f"{item.source}: {len(files)} frames, the network needs {least}; give a longer clip")
    whites: list[int] = []

    def levels() -> Iterator[tuple[Path, Levels]]:
        for path in files:
            picture = _read(path, model)
            whites.append(picture.white)
            yield path, picture.pixels

    beginning = _read(files[0], model)
    deep = beginning.deep
    with _named(item.source):
        _check_bands(item.output, beginning.pixels.shape[-1], model)
    read = ((frame, whites[-1]) for frame in alike(levels()))
    made = None
    with _named(item.source):
        for number, (path, frame) in enumerate(zip(files, model.clip(read, deep), strict=True), 1):
            _write(item.output / f"{path.stem}.png", frame, beside(path), text)
            made = Made(frame.shape[0], frame.shape[1], number)
            said(number, len(files))
    assert made is not None
    return made


def _video(item: Item, model: Model, said: Said, text: str) -> Made:
    total = len(video_writing.times(item.source))
    if total < model.least_frames():
        least = model.least_frames()
        raise UserError(f"{item.source}: {total} frames, the network needs {least}; give a longer clip")
    read = video.frames(item.source)
    first = next(read)
    deep, white = first.dtype == np.uint16, int(np.iinfo(first.dtype).max)
    sizes: list[Made] = []

    def results() -> Iterator[Levels]:
        def given() -> Iterator[tuple[Levels, int]]:
            yield first, white
            yield from ((frame, white) for frame in read)

        for number, frame in enumerate(model.clip(given(), deep), 1):
            sizes[:] = [Made(frame.shape[0], frame.shape[1], number)]
            said(number, total)
            yield frame

    with _named(item.source):
        _check_bands(item.output, first.shape[-1], model)
        if is_video_file(item.output):
            video_writing.write_video(item.output, results(), item.source, text)
        else:
            for number, frame in enumerate(results()):
                png.write_levels(item.output / frame_name(number), frame, {WORD: text})
    return sizes[0]


def _check_bands(output: Path, bands: int, model: Model) -> None:
    """Raise UserError where what comes of a picture of so many bands is none that `output` can hold."""
    given = model.fit(bands).bands
    if is_video_file(output) and given != 3:
        raise UserError(f"the network gives {given} bands, a video has 3; take another network")
    if output.suffix.lower() not in TIFF and given not in SHOWN:
        raise UserError(f"the network gives {given} bands, a PNG has 1 or 3 beside alpha; give a .tif, of one picture")


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """Name `source` in a UserError of the block that does not name it, or a file in it; a full disk is none of it."""
    try:
        yield
    except FullError:
        raise
    except UserError as error:
        if str(source) in str(error):
            raise
        raise UserError(f"{source}: {error}") from None
