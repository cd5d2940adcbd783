"""TIFF of any number of bands and of up to 16 bits, by the package tifffile."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.errors import Notice, UserError
from lossbench.formats import raster
from lossbench.formats.beginning import beginning, unreadable
from lossbench.formats.picture import ALPHA, DepthError, Picture, upright

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = range(4)
"""Values of the tag PhotometricInterpretation."""
ALPHA_BANDS = (1, 2)
"""Values of the tag ExtraSamples for a band that is alpha, blended in or not; another band counts as one of its own."""
UNSIGNED = 1
"""Value of the tag SampleFormat."""


@dataclass(frozen=True)
class _Stored:
    """The first picture of a file, and what its tags say."""

    pixels: NDArray[Any]
    """(H, W, bands) as stored."""
    page: Any
    """tifffile's record of the tags."""
    palette: NDArray[np.uint16] | None
    """(3, indices) red, green and blue."""
    pages: int
    """On how many pages the bands lie; smaller copies and masks are none."""


def read_tiff(path: Path) -> NDArray[Any]:
    """Decode the picture of a TIFF file of any number of bands as (H, W, bands), values as they are stored.

    Raises UserError naming the file when it is missing, truncated, no picture of the plane, or several pictures.
    """
    return _stored(path, "readable").pixels


def decoded(path: Path) -> Picture:
    """Decode a TIFF file as levels, (H, W, bands): upright, palettes looked up, white high, alpha left out.

    Alpha is said with a Notice, and so are grey pages of one size, which count as bands. Raises UserError naming the
    file as `read_tiff`, and for values that are no levels of up to 16 bits (floats, signed numbers) or of no colour of
    light (CMYK, LAB).
    """
    if raster.is_ycbcr(path):
        return raster.decoded(path)
    stored = _stored(path, "a readable picture")
    page, photometric, bits = stored.page, int(stored.page.photometric), stored.page.bitspersample
    if photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE):
        kind = getattr(page.photometric, "name", str(photometric))
        raise UserError(
            f"{path}: {kind} values are no levels of light; convert the file to RGB, or write bands as MINISBLACK"
        )
    if not isinstance(bits, int) or bits > 16 or int(page.sampleformat) != UNSIGNED:
        raise DepthError(path, str(stored.pixels.dtype))
    if stored.pages > 1 and photometric == PALETTE:
        raise UserError(f"{path}: {stored.pages} pages with a palette; give a file for each picture")
    if stored.pages > 1:
        warnings.warn(Notice(path, "its pages are taken for the bands of one picture"), stacklevel=2)
    pixels = _without_alpha(stored, path).astype(np.uint8 if bits <= 8 else np.uint16)
    white = 2**bits - 1
    if photometric == WHITE_IS_ZERO:
        pixels = white - pixels
    if stored.palette is not None:
        # colours have 16 bits; some programs write them with eight
        colours = stored.palette >> 8 if stored.palette.max() > 255 else stored.palette
        pixels, white = colours.astype(np.uint8)[:, pixels[..., 0]].transpose(1, 2, 0), 255
    orientation = page.tags.get(raster.ORIENTATION)
    return Picture(upright(pixels, None if orientation is None else int(orientation.value)), white)


def _without_alpha(stored: _Stored, path: Path) -> NDArray[Any]:
    extra = [int(kind) for kind in stored.page.extrasamples or ()]
    first = stored.pixels.shape[-1] - len(extra)
    alpha = [first + number for number, kind in enumerate(extra) if kind in ALPHA_BANDS]
    if alpha:
        where = "where it is a band, write the file as MINISBLACK"
        warnings.warn(Notice(path, f"{ALPHA}; {where}"), stacklevel=3)
    return np.delete(stored.pixels, alpha, axis=-1)


def grey(path: Path) -> bool:
    """Return whether the tags of `path` say that its picture has one band of grey beside alpha."""
    try:
        with _complaints(), imported("tifffile", path.name).TiffFile(path) as file:
            page = file.pages[0]
            extra = [int(kind) for kind in page.extrasamples or ()]
            bands = page.samplesperpixel - sum(kind in ALPHA_BANDS for kind in extra)
            return bands == 1 and int(page.photometric) in (WHITE_IS_ZERO, BLACK_IS_ZERO)
    except UserError:
        raise
    # a damaged file ends in whatever error its decoder has
    except Exception:
        return False


def _stored(path: Path, wanted: str) -> _Stored:
    beginning(path)
    tifffile = imported("tifffile", path.name)
    try:
        with _complaints() as complaints, tifffile.TiffFile(path) as file:
            series = file.series[0]
            pixels, axes = series.asarray(), series.axes
            # smaller copies (1) and masks (4) belong to the picture
            whole = sum(not getattr(page, "subfiletype", 0) & 5 for page in file.pages)
            together = len(series.pages)
            page, palette = file.pages[0], file.pages[0].colormap
            if complaints:
                raise ValueError(complaints[0].getMessage())
    # a damaged file ends in whatever error its decoder has
    except Exception as error:
        if "imagecodecs" in str(error):
            raise UserError(f"{path}: {error}; install it by `pip install imagecodecs`") from None
        raise unreadable(path, error, wanted) from None
    if whole > together:
        raise UserError(f"{path}: {whole} pages of several kinds; give a file for each picture")
    other = axes.replace("Y", "").replace("X", "")
    if len(other) != len(axes) - 2 or len(other) > 1:
        raise UserError(f"{path}: axes {axes} are not those of one picture; give (H, W) or (H, W, bands)")
    # bands lie inside the pixels, or one below another as planes or pages
    bands = np.moveaxis(pixels, axes.index(other), -1) if other else pixels[..., None]
    return _Stored(np.ascontiguousarray(bands), page, palette, bands.shape[-1] // page.samplesperpixel)


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
