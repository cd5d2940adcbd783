"""Pictures in and out: arrays of shape (H, W, bands), read strictly and written atomically."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image, UnidentifiedImageError

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.files import written_atomically

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
GRID = 8
"""The densest part of a picture begins at a multiple of it."""
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


def read_tiff(path: Path) -> NDArray[Any]:
    """Decode the first picture of a TIFF file of any number of bands as (H, W, bands), values as they are stored.

    Raises UserError naming the file when it is missing, truncated or no picture of the plane.
    """
    tifffile = imported("tifffile", path.name)
    try:
        with _complaints() as complaints, tifffile.TiffFile(path) as file:
            series = file.series[0]
            pixels, axes = series.asarray(), series.axes
            if complaints:
                raise ValueError(complaints[0].getMessage())
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    # a damaged file ends in whatever error its decoder has
    except Exception as error:
        raise UserError(f"{path} is not readable ({error}); replace or remove the file") from None
    other = axes.replace("Y", "").replace("X", "")
    if len(other) != len(axes) - 2 or len(other) > 1:
        raise UserError(f"{path}: axes {axes} are not those of one picture; give (H, W) or (H, W, bands)")
    # bands lie inside the pixels, or one below another as planes or pages
    return np.ascontiguousarray(np.moveaxis(pixels, axes.index(other), -1) if other else pixels[..., None])


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


@contextmanager
def _complaints() -> Iterator[list[logging.LogRecord]]:
    """Give the errors that tifffile logs in the block: it passes over damaged tags, and then decodes nonsense."""
    logger, handler = logging.getLogger("tifffile"), BufferingHandler(1000)
    handler.setLevel(logging.ERROR)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield handler.buffer
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
