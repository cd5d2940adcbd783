"""What a result says of how it was made: those of the same model and source are kept, no others taken for them."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench.assets.contents import CLOSED
from lossbench.errors import UserError, as_written
from lossbench.files import sha256
from lossbench.formats import video_writing
from lossbench.formats.listing import is_there
from lossbench.formats.partners import listed_by_number
from lossbench.restoring.places import Item
from lossbench.restoring.written import MADE, SOURCE, said_by

DIGITS = 16
"""Of a digest that stands for a file."""
CUT_OFF = re.compile(r"\..*\.\d+\.partial\.png")
"""Name of a frame that a killed run was writing."""


@dataclass(frozen=True)
class Record:
    """What a result depends on beside its source."""

    network: str
    model: str
    """The first digits of the SHA-256 of its file."""
    sigma: float | None
    tile: int | None
    """As it was asked for: None where it was left to the size of a picture."""

    def text(self, source: str) -> str:
        """Return the record of a result of the source with that digest, as one line of ASCII."""
        return json.dumps({MADE: vars(self), SOURCE: source}, sort_keys=True)


def digest_of(item: Item) -> str:
    """Return what stands for the content of the source, of frames for their names and order too.

    Raises UserError for what is closed to this user.
    """
    try:
        if item.kind != "frames":
            return sha256(item.source)[:DIGITS]
        lines = "".join(f"{sha256(path)} {path.name}\n" for path in listed_by_number(item.source))
    except PermissionError as error:
        raise UserError(f"{error.filename} is {CLOSED}") from None
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()[:DIGITS]


def is_kept(item: Item, record: Record) -> bool:
    """Return whether the result of `item` is there, made under `record` of the source as it is now.

    Frames are one result: all are there and no others. Raises UserError for a result that was made otherwise, and for
    a file that is none.
    """
    if not item.into_frames:
        return is_there(item.output) and _is_of(item, {item.output.name: _source_of(item.output, record)})
    # each is looked at, so that one of another model is named
    sources = {path.name: _source_of(path, record) for path in _frames(item.output)}
    return bool(sources) and _is_of(item, sources)


def _is_of(item: Item, sources: dict[str, str]) -> bool:
    """Return whether files of those names, by the digests of their sources, are the result of `item`."""
    try:
        return sources.keys() == names(item) and set(sources.values()) == {digest_of(item)}
    # what can't be read is named in its turn, and takes no other along
    except UserError:
        return False


def check_replaceable(item: Item) -> None:
    """Raise UserError for a picture in the folder of frames `item.output` that is none of them, nor a result."""
    if not item.into_frames or not (found := _frames(item.output)):
        return
    try:
        own = names(item)
    except UserError:
        return
    for path in found:
        if path.name not in own and said_by(path) is None:
            raise UserError(f"{path} is no frame of lossbench restore's; move it, or give another folder")


def clear(item: Item) -> None:
    """Remove from the folder of frames `item.output` the frames that it has no more, and what a killed run left."""
    if not item.into_frames or not item.output.is_dir():
        return
    own = names(item)
    for path in item.output.iterdir():
        if CUT_OFF.fullmatch(path.name):
            path.unlink()
    for path in _frames(item.output):
        if path.name not in own and said_by(path) is not None:
            path.unlink()


def names(item: Item) -> set[str]:
    """Return what the files of the result are called."""
    if not item.into_frames:
        return {item.output.name}
    if item.kind == "video":
        return {frame_name(number) for number in range(len(video_writing.times(item.source)))}
    return {f"{path.stem}.png" for path in listed_by_number(item.source)}


def frame_name(number: int) -> str:
    """Return what a frame of a video is called."""
    return f"{number:05d}.png"


def _frames(folder: Path) -> list[Path]:
    """List the pictures of a folder of results; hidden files are none."""
    if not is_there(folder):
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == ".png" and not path.name.startswith("."))


def _source_of(path: Path, record: Record) -> str:
    """Return the digest of the source of a result under `record`."""
    said = said_by(path)
    if said is not None and said[MADE] == vars(record):
        return str(said.get(SOURCE))
    how = "is none of lossbench restore's, or not whole"
    if said is not None:
        how = f"was made otherwise ({_differences(said[MADE], vars(record))})"
    raise UserError(f"{path} is there and {how}; give another folder, or --overwrite to replace it")


def _differences(stored: Any, now: dict[str, Any]) -> str:
    """Return in which words two records differ, such as `sigma 25.0, now 50.0`."""
    words = [word for word in now if stored.get(word) != now[word] or word not in stored]
    said = (f"{word} {as_written(stored.get(word))}, now {as_written(now[word])}" for word in words)
    return "; ".join(said) or "by another version"
