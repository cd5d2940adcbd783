"""Pictures in and out: 8-bit arrays of shape (H, W, bands), read strictly and written atomically."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline.errors import UserError
from pipeline.files import written_atomically

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode `path` completely as RGB; return (H, W, 3) uint8.

    A grey picture is repeated to three bands. Raises UserError naming the file when it is missing, truncated, not a
    picture, or not 8-bit.
    """
    try:
        with Image.open(path) as image:
            # Pillow reduces 16-bit colour to 8 bits without a word; only the mode of the file's bytes tells
            stored = " ".join(str(tile.args) for tile in image.tile)
            if image.mode.startswith(("I", "F")) or ";16" in stored:
                raise UserError(f"{path}: {image.mode} pixels are not 8-bit; convert the file to 8-bit RGB")
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path} is not a readable picture ({error}); replace or remove the file") from None


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 to `path` as PNG, atomically."""
    with written_atomically(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=1)
