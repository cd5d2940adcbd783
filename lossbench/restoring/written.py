"""What results are written to, and what such a file says of itself."""

import json
from pathlib import Path

from lossbench.assets.optional import imported
from lossbench.formats import png, video_writing

TIFF = (".tif", ".tiff")
PICTURES = (".png", *TIFF)
"""Endings of what a picture is written to."""
VIDEOS = {".mp4": "mp4", ".mkv": "mkv"}
"""Endings of what a video is written to, and the kinds that `--video` names beside `png`."""
SHOWN = (1, 3)
"""Bands that a PNG holds beside alpha."""
WORD = "lossbench"
"""Of the text in a PNG."""
MADE, SOURCE = "restored by", "source"
"""Words of what a result says: what made it, and of what."""


def is_video_file(path: Path) -> bool:
    """Return whether a result at `path` is a video, by its ending in whatever case."""
    return path.suffix.lower() in VIDEOS


def said_by(path: Path) -> dict[str, object] | None:
    """Return what the file `path` says of how it was made; None where it is no whole result of this program.

    Results appear whole, so that one that is cut short is not taken for a result.
    """
    try:
        said = json.loads(_text(path))
    # what is closed to this user says nothing
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get(MADE), dict) else None


def _text(path: Path) -> str:
    """Return the text in the file; empty where there is none or the file is not whole."""
    if is_video_file(path):
        return video_writing.comment_of(path) or ""
    if path.suffix.lower() == ".png":
        return (png.text_of(path) or {}).get(WORD, "")
    if path.suffix.lower() not in TIFF:
        return ""
    tifffile = imported("tifffile", path.name)
    try:
        with tifffile.TiffFile(path) as file:
            return str(file.pages[0].description)
    # a damaged file ends in whatever error its decoder has
    except Exception:
        return ""
