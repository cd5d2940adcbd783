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
from lossbench.formats.beginning import TIFF, beginning
from lossbench.formats.picture import DepthError, Picture
from lossbench.formats.tiff import read_tiff as read_tiff

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
GRID = 8
"""The densest part of a picture begins at a multiple of it."""
MARGIN = 256 / 224
"""Shorter side of a picture over the side of the crop from its middle."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode `path` as `read_picture` does, as RGB; return (H, W, 3) uint8.

    A grey picture is repeated to three bands, and levels of fewer bits become those of eight. Raises UserError naming
    the file when it is missing, closed, truncated, not a picture, not 8-bit, of other than one band or three, or of no
    colours of light.
    """
    try:
        picture = read_picture(path)
    except DepthError as error:
        raise _not_8_bit(path, error.kind) from None
    if picture.deep:
        raise _not_8_bit(path, "16-bit")
    levels: NDArray[np.uint8] = _of_full_range(path, picture)
    return levels


def read_levels(path: Path) -> NDArray[np.uint8 | np.uint16]:
    """Decode `path` as `read_image` does, but with all its bits: (H, W, 3) uint8, or uint16 where it has more.

    Levels of more than eight bits become those of sixteen. Raises UserError as `read_image`, but for depth only where
    values are no levels of up to 16 bits.
    """
    return _of_full_range(path, read_picture(path))


def _of_full_range(path: Path, picture: Picture) -> NDArray[Any]:
    """Return the levels of `picture`, as RGB, such that the largest value of their type stands for 1."""
    bands = picture.pixels.shape[-1]
    if bands not in (1, 3):
        raise UserError(f"{path}: {bands} bands are not RGB; give a file of one band or of three")
    levels, dtype = picture.pixels, np.dtype(np.uint16 if picture.deep else np.uint8)
    if picture.white != largest(dtype):
        levels = np.rint(levels * (largest(dtype) / picture.white)).astype(dtype)
    return np.repeat(levels, 3 // bands, axis=-1)


def _not_8_bit(path: Path, kind: str) -> UserError:
    return UserError(f"{path}: {kind} pixels are not 8-bit; convert the file to 8-bit RGB")


def read_picture(path: Path) -> Picture:
    """Decode `path` completely with all its bits: one band of a grey picture, all bands of a TIFF, else RGB.

    A TIFF has up to 16 bits and any number of bands, a PNG 8 or 16 bits, all other formats 8. Alpha is left out, and
    so are all frames but the first, each with a Notice; the pages of a TIFF count as bands, or are refused. Raises
    UserError naming the file when it is missing, closed, truncated, no picture, or of no levels or colours of light.
    """
    # by what it holds: a file may bear another ending
    return tiff.decoded(path) if beginning(path).startswith(TIFF) else raster.decoded(path)


def stored_grey(path: Path, pixels: NDArray[Any]) -> bool:
    """Return whether `pixels` (H, W, 3) are the one band of the grey picture `path`, repeated."""
    if path.suffix.lower() not in EXTENSIONS or pixels.shape[-1] != 3 or not (pixels == pixels[..., :1]).all():
        return False
    return tiff.grey(path) if beginning(path).startswith(TIFF) else raster.grey(path)


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
