"""Pictures in and out: arrays of shape (H, W, bands), read strictly and written atomically."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from lossbench.errors import UserError
from lossbench.files import written_atomically
from lossbench.formats import raster, tiff
from lossbench.formats.picture import Picture
from lossbench.formats.tiff import read_tiff as read_tiff

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
TIFF = (".tif", ".tiff")
GRID = 8
"""The densest part of a picture begins at a multiple of it."""
MARGIN = 256 / 224
"""Shorter side of a picture over the side of the crop from its middle."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode `path` completely as RGB, upright as its EXIF orientation says; return (H, W, 3) uint8.

    A grey picture is repeated to three bands; alpha and all frames but the first are left out, each with a Notice.
    Raises UserError naming the file when it is missing, truncated, not a picture, not 8-bit, or of no colours of light.
    """
    picture = raster.decoded(path)
    if picture.deep:
        raise UserError(f"{path}: 16-bit pixels are not 8-bit; convert the file to 8-bit RGB")
    return np.repeat(picture.pixels, 3 // picture.pixels.shape[-1], axis=-1)


def read_picture(path: Path) -> Picture:
    """Decode `path` completely with all its bits: one band of a grey picture, all bands of a TIFF, else RGB.

    A TIFF has up to 16 bits and any number of bands, a PNG 8 or 16 bits, all other formats 8. Alpha is left out, and
    so are all frames but the first, each with a Notice; the pages of a TIFF count as bands, or are refused. Raises
    UserError naming the file as `read_image`.
    """
    return tiff.decoded(path) if path.suffix.lower() in TIFF else raster.decoded(path)


def stored_grey(path: Path, pixels: NDArray[Any]) -> bool:
    """Return whether `pixels` (H, W, 3) are the one band of the grey picture `path`, repeated."""
    if path.suffix.lower() not in EXTENSIONS or pixels.shape[-1] != 3 or not raster.grey(path):
        return False
    return bool((pixels == pixels[..., :1]).all())


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


def through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return (H, W, 3) or (H, W) uint8 as JPEG of `quality` keeps it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


def middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Scale a picture (H, W, 3) so that its shorter side is 256/224 of `side`, and cut out the middle."""
    height, width = pixels.shape[:2]
    shorter = round(side * MARGIN)
    rows, columns = (int(shorter * size / min(height, width)) for size in (height, width))
    scaled = np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR))
    top, left = round((rows - side) / 2), round((columns - side) / 2)
    return scaled[top : top + side, left : left + side]


def densest(values: NDArray[np.float64], side: int) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the part, at most `side` square, of `values` (H, W) with the largest sum.

    It begins on a grid of `GRID` pixels.
    """
    height, width = min(side, values.shape[0]), min(side, values.shape[1])
    total = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    row, column = np.unravel_index(int(sums[::GRID, ::GRID].argmax()), sums[::GRID, ::GRID].shape)
    return int(row) * GRID, int(column) * GRID, height, width
