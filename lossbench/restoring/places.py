"""What is to be restored, picture files, video files and folders of frames, and where each result goes."""

import mimetypes
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
from lossbench.restoring.written import PICTURES, SHOWN, TIFF, VIDEOS, is_video_file, said_by


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
        return self.kind == "frames" or (self.kind == "video" and not is_video_file(self.output))


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
    to, is the source itself, or stands for two results. Results of earlier runs are passed over with a Notice.
    """
    if not is_there(source):
        raise UserError(f"{source} is missing; give a picture, a video or a folder of them")
    items = _of_folder(source, output, wanted) if source.is_dir() else [_of_file(source, output, wanted)]
    if wanted.video and all(item.kind != "video" for item in items):
        raise UserError(f"--video {wanted.video}: {source} is no video and holds none; leave --video out")
    _check_apart(items)
    sources = {os.path.realpath(item.source) for item in items}
    # the top first, then what is to be made below it
    folders = {output if source.is_dir() else items[0].output.parent: None}
    for item in items:
        if os.path.realpath(item.output) in sources:
            raise UserError(f"OUT: {item.output} is what is to be restored; give another place")
        if not item.into_frames and item.output.is_dir():
            raise UserError(f"{item.output} is a folder where a file is to be written; remove it, or give another OUT")
        folders[item.output if item.into_frames else item.output.parent] = None
    for folder in folders:
        check_writable(folder, "OUT")
    return items


def _check_apart(items: list[Item]) -> None:
    """Raise UserError for two sources of one result, and for a result that lies in a folder of frames or in a file."""
    outputs: dict[Path, Item] = {}
    for item in items:
        other = outputs.setdefault(item.output, item)
        if other is not item:
            raise UserError(f"{other.source} and {item.source} would both become {item.output}; rename one of them")
    for item in items:
        for folder in item.output.parents:
            other = outputs.get(folder, item)
            is_among_frames = folder == item.output.parent and item.output.suffix == ".png" and not item.into_frames
            if other is not item and (not other.into_frames or is_among_frames):
                what = f"{other.source} becomes {folder}, where the result of {item.source} is to go"
                raise UserError(f"{what}; rename one of them")


def _of_file(source: Path, output: Path, wanted: Wanted) -> Item:
    is_video = source.suffix.lower() in video.EXTENSIONS
    if _is_named_as_file(source) and source.suffix.lower() not in EXTENSIONS | video.EXTENSIONS:
        # as in a folder, where it is passed over
        raise UserError(f"{source}: {source.suffix} is not restored; convert it, a picture to .png, a clip to .mp4")
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
    if _is_named_as_file(output):
        what = "a video" if is_video else "a picture, without loss,"
        raise UserError(f"OUT: {output} ends in {ending}; {what} is written to {' or '.join(fitting)}, or to a folder")
    return _item(source, output, wanted)


def _is_named_as_file(path: Path) -> bool:
    """Return whether a path ends as a picture or a video does, also one that is not read here."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    return path.suffix.lower() in EXTENSIONS | video.EXTENSIONS or kind.startswith(("image/", "video/"))


def _item(source: Path, folder: Path, wanted: Wanted) -> Item:
    """Return where a file goes in `folder`."""
    if source.suffix.lower() in video.EXTENSIONS:
        kind = wanted.video or "mp4"
        return Item(source, folder / (source.stem if kind == "png" else f"{source.stem}.{kind}"), "video")
    ending = source.suffix.lower() if source.suffix.lower() in TIFF else ".png" if wanted.bands in SHOWN else ".tif"
    return Item(source, folder / (source.stem + ending), "picture")


def _of_folder(source: Path, output: Path, wanted: Wanted) -> list[Item]:
    if os.path.realpath(source) == os.path.realpath(output):
        raise UserError(f"OUT: {output} is the folder that is to be restored; give another one")
    if _is_named_as_file(output) and not output.is_dir():
        raise UserError(f"OUT: {output} is the name of a file, {source} a folder; give a folder")
    items: list[Item] = []
    results: list[Item] = []
    for item in _walked(source, source, output, wanted, frozenset()):
        (results if _is_result(item) else items).append(item)
    # those that this command made are no news, and of a folder of nothing else they are what is meant
    below = os.path.join(os.path.realpath(output), "")
    results = [item for item in results if not os.path.join(os.path.realpath(item.source), "").startswith(below)]
    if not items:
        items, results = results, []
    for item in results:
        warnings.warn(Notice(item.source, "a result of lossbench restore, passed over"), stacklevel=2)
    if not items:
        kinds = ", ".join(sorted(EXTENSIONS | video.EXTENSIONS))
        raise UserError(f"{source} and its sub-folders hold nothing to restore ({kinds}); give another folder")
    return items


def _is_result(item: Item) -> bool:
    """Return whether the source, or each frame of it, is what an earlier run made."""
    frames = item.kind == "frames"
    paths = listed(item.source, EXTENSIONS, said=False).pictures if frames else [item.source]
    try:
        return all(said_by(path) is not None for path in paths)
    # what can't be read for want of a library fails in its turn
    except UserError:
        return False


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
    # a link that leads back ends here
    passed_through = above | {os.path.realpath(folder)}
    for name in listing.folders:
        if os.path.realpath(folder / name) not in passed_through:
            yield from _walked(folder / name, top, output, wanted, passed_through)
