"""Pictures of a published data set: their size by the header, and their colours, refused in a damaged copy."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lossbench.assets import contents
from lossbench.errors import UserError
from lossbench.images import read_image


def read_colour(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Decode `path` completely; return (H, W, 3) uint8.

    Other than `read_image`, a file with grey, palette or alpha bands is refused, since it is not the published one;
    `size` is the published (H, W). Raises UserError naming the file when it is missing, truncated, not 8-bit, or has
    other bands or another size.
    """
    pixels = read_image(path)
    with Image.open(path) as image:
        bands = image.getbands()
    if bands != ("R", "G", "B"):
        raise UserError(f"{path}: bands {', '.join(bands)} where R, G, B are published; get the file again")
    if size is not None and pixels.shape[:2] != size:
        found, published = (f"{height} x {width}" for height, width in (pixels.shape[:2], size))
        raise UserError(f"{path}: {found} pixels (height x width) where {published} are published; get the file again")
    return pixels


def picture_size(path: Path, split: str) -> tuple[int, int]:
    """Return (height, width) as stored, before any rotation that EXIF asks for.

    Raises UserError naming the file and its split when it is missing or its header is damaged.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except PermissionError:
        raise UserError(f"{path} (split {split}) is {contents.CLOSED}") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path} (split {split}) is not a readable picture ({error}); replace or remove the file"
        ) from None
