"""What is to be restored, picture files, video files and folders of frames, and where each result goes."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lossbench.errors import Notice, UserError
from lossbench.files import check_writable
from lossbench.formats import video
from lossbench.formats.listing import Listing, is_there, listed
from lossbench.images import EXTENSIONS
from lossbench.names import natural_path

TIFF = (".tif", ".tiff")
PICTURES = (".png", *TIFF)
"""Endings of what a picture is written to."""
VIDEOS = {".mp4": "mp4", ".mkv": "mkv"}
"""Endings of what a video is written to, and the kinds that `--video` names beside `png`."""


@dataclass(frozen=True)
class Item:
    """One thing to restore."""

    source: Path
    output: Path
    """A file; of a folder of frames, and of a video that becomes one, a folder."""
    kind: str
    """`picture`, `frames` or `video`."""

    @property
    def into_frames(self) -> bool:
        """Whether the result is a folder of frames."""
        return self.kind == "frames" or (self.kind == "video" and self.output.suffix not in VIDEOS)


@dataclass(frozen=True)
class Wanted:
    """How results are to be called."""

    clips: bool
    """Whether the network restores clips, so that the pictures of a folder are frames of one."""
    bands: int
    """Of the network's prediction."""
    video: str | None
    """`mp4`, `mkv` or `png`: what videos become; None leaves it to the ending of the output, else MP4."""


def found(source: Path, output: Path, wanted: Wanted) -> list[Item]:
    """List what `source` holds, a file or a folder with its sub-folders, and where it goes: to or below `output`.

    Raises UserError where there is nothing to restore, the network is of the other kind, the output can't be written
    to, is the source itself, or stands for two results.
    """
    if not is_there(source):
        raise UserError(f"{source} is missing; give a picture, a video or a folder of them")
    items = list(_of_folder(source, output, wanted)) if source.is_dir() else [_of_file(source, output, wanted)]
    check_writable(output if source.is_dir() else items[0].output.parent, "OUT")
    outputs: dict[Path, Item] = {}
    sources = {os.path.realpath(item.source) for item in items}
    for item in items:
        other = outputs.setdefault(item.output, item)
        if other is not item:
            raise UserError(f"{other.source} and {item.source} would both become {item.output}; rename one of them")
        if os.path.realpath(item.output) in sources:
            raise UserError(f"OUT: {item.output} is what is to be restored; give another place")
        if not item.into_frames and item.output.is_dir():
            raise UserError(f"{item.output} is a folder where a file is to be written; remove it, or give another OUT")
    return items


def _of_file(source: Path, output: Path, wanted: Wanted) -> Item:
    is_video = source.suffix.lower() in video.EXTENSIONS
    ending = output.suffix.lower()
    if wanted.clips and not is_video:
        raise UserError(f"{source} is one picture, the network restores clips; give a video or a folder of frames")
    if is_there(output) and output.is_dir():
        return _item(source, output, wanted)
    fitting: tuple[str, ...] = tuple(VIDEOS) if is_video else PICTURES
    if ending in fitting:
        if is_video and wanted.video not in (None, VIDEOS[ending]):
            raise UserError(f"--video {wanted.video}: {output} ends in {ending}; leave one of both out")
        return Item(source, output, "video" if is_video else "picture")
    if ending in EXTENSIONS | video.EXTENSIONS:
        what = "a video" if is_video else "a picture, without loss,"
        raise UserError(f"OUT: {output} ends in {ending}; {what} is written to {' or '.join(fitting)}, or to a folder")
    return _item(source, output, wanted)


def _item(source: Path, folder: Path, wanted: Wanted) -> Item:
    """Return where a file goes in `folder`."""
    if source.suffix.lower() in video.EXTENSIONS:
        kind = wanted.video or "mp4"
        return Item(source, folder / (source.stem if kind == "png" else f"{source.stem}.{kind}"), "video")
    ending = source.suffix.lower() if source.suffix.lower() in TIFF else ".png" if wanted.bands in (1, 3) else ".tif"
    return Item(source, folder / (source.stem + ending), "picture")


def _of_folder(source: Path, output: Path, wanted: Wanted) -> Iterator[Item]:
    if os.path.realpath(source) == os.path.realpath(output):
        raise UserError(f"OUT: {output} is the folder that is to be restored; give another one")
    if output.suffix.lower() in EXTENSIONS | video.EXTENSIONS and not output.is_dir():
        raise UserError(f"OUT: {output} is the name of a file, {source} a folder; give a folder")
    items = list(_walked(source, source, output, wanted, frozenset()))
    if not items:
        kinds = ", ".join(sorted(EXTENSIONS | video.EXTENSIONS))
        raise UserError(f"{source} and its sub-folders hold nothing to restore ({kinds}); give another folder")
    yield from items


def _walked(folder: Path, top: Path, output: Path, wanted: Wanted, above: frozenset[str]) -> Iterator[Item]:
    listing = listed(folder, EXTENSIONS | video.EXTENSIONS, said=False)
    if listing.others:
        passed = Listing(folder, [], [], listing.others).passed_over()
        warnings.warn(Notice(folder, f"{passed} passed over"), stacklevel=2)
    into = output / folder.relative_to(top)
    files = sorted(listing.pictures, key=natural_path)
    frames = [path for path in files if path.suffix.lower() in EXTENSIONS]
    if wanted.clips and frames:
        yield Item(folder, into, "frames")
        files = [path for path in files if path not in frames]
    yield from (_item(path, into, wanted) for path in files)
    # a link that leads back ends here, and so do the results of an earlier run
    passed_through = above | {os.path.realpath(folder)}
    for name in listing.folders:
        real = os.path.realpath(folder / name)
        if real not in passed_through and real != os.path.realpath(output):
            yield from _walked(folder / name, top, output, wanted, passed_through)
