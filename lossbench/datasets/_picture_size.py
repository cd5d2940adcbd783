"""The size of a picture from its file's header, without decoding it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from lossbench.errors import UserError


def picture_size(path: Path, split: str) -> tuple[int, int]:
    """Return (height, width) as stored, before any rotation that EXIF asks for.

    Raises UserError naming the file and its split when it is missing or its header is damaged.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path} (split {split}) is not a readable picture ({error}); replace or remove the file"
        ) from None
