"""Pictures in and out: 8-bit arrays of shape (H, W, bands), read strictly and written atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image, UnidentifiedImageError

from lossbench.errors import UserError
from lossbench.files import written_atomically

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MARGIN = 256 / 224
"""Shorter side of a picture over the side of the crop from its middle."""


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


def largest(dtype: DTypeLike) -> int:
    """Return the integer that stands for 1 in prepared arrays: the largest of the type."""
    return int(np.iinfo(dtype).max)


def displayed(image: NDArray[Any], like: NDArray[Any] | None = None) -> NDArray[np.uint8]:
    """Return (H, W, bands) integers of full range as RGB uint8 to look at.

    Three bands are taken as red, green and blue as they are. Of others, which begin with blue, green and red, those are
    shown, brightened so that 99 % of the values of `like` (default: the image) are below white.
    """
    if image.shape[-1] == 3:
        return image if image.dtype == np.uint8 else (image / largest(image.dtype) * 255).round().astype(np.uint8)
    shown = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., 2::-1]
    reference = image if like is None else like
    white = max(float(np.percentile(reference[..., :3] / largest(reference.dtype), 99)), 1e-3)
    scaled: NDArray[np.uint8] = np.rint((shown / largest(image.dtype) / white).clip(0, 1) * 255).astype(np.uint8)
    return scaled


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 to `path` as PNG, atomically."""
    with written_atomically(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=1)


def middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Scale a picture (H, W, 3) so that its shorter side is 256/224 of `side`, and cut out the middle."""
    height, width = pixels.shape[:2]
    shorter = round(side * MARGIN)
    rows, columns = (int(shorter * size / min(height, width)) for size in (height, width))
    scaled = np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR))
    top, left = round((rows - side) / 2), round((columns - side) / 2)
    return scaled[top : top + side, left : left + side]
