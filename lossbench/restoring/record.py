"""What a result says of how it was made: results of the same model are kept, others are not taken for them."""

import json
from dataclasses import dataclass
from pathlib import Path

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.formats import png, video_writing
from lossbench.formats.partners import listed_by_number
from lossbench.restoring.places import TIFF, VIDEOS, Item

WORD = "lossbench"
"""Of the text in a PNG."""
MADE = "restored by"
"""With what a record begins."""


@dataclass(frozen=True)
class Record:
    """What a result depends on beside its source."""

    network: str
    model: str
    """The first digits of the SHA-256 of its file."""
    sigma: float | None

    def text(self) -> str:
        """Return the record as one line of ASCII."""
        return json.dumps({MADE: vars(self)}, sort_keys=True)


def is_kept(item: Item, record: Record) -> bool:
    """Return whether the result of `item` is there, whole, made under `record`, and not older than its source.

    Raises UserError for a result that was made otherwise, and for a file that is none.
    """
    if not item.into_frames:
        return item.output.exists() and _is_result(item.output, record) and _is_newer(item.output, item.source)
    frames = sorted(item.output.glob("*.png")) if item.output.is_dir() else []
    # each is looked at, so that one of another model is named
    whole = [_is_result(path, record) for path in frames]
    if not frames or not all(whole):
        return False
    if item.kind == "video":
        newer = all(_is_newer(path, item.source) for path in frames)
        return newer and len(frames) == len(video_writing.times(item.source))
    results = {path: item.output / f"{path.stem}.png" for path in listed_by_number(item.source)}
    return all(result.exists() and _is_newer(result, path) for path, result in results.items())


def _is_newer(path: Path, source: Path) -> bool:
    return path.stat().st_mtime_ns >= source.stat().st_mtime_ns


def _is_result(path: Path, record: Record) -> bool:
    text = _text(path)
    # what a killed run leaves has another name; a file that is not whole is no result
    if text is None or text == record.text():
        return text is not None
    how = f"was made otherwise ({text}, now {record.text()})" if MADE in text else "is none of lossbench restore's"
    raise UserError(f"{path} is there and {how}; give another folder, or --overwrite to replace it")


def _text(path: Path) -> str | None:
    """Return what the file says of itself; None where it is not whole."""
    ending = path.suffix.lower()
    if ending in VIDEOS:
        return video_writing.comment_of(path)
    if ending not in TIFF:
        texts = png.text_of(path)
        return None if texts is None else texts.get(WORD, "")
    tifffile = imported("tifffile", path.name)
    try:
        with tifffile.TiffFile(path) as file:
            return str(file.pages[0].description)
    # a damaged file ends in whatever error its decoder has
    except Exception:
        return None
