"""PNG, JPEG and whatever else Pillow decodes, all 16 bits of a PNG included."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from lossbench.errors import Notice, UserError
from lossbench.formats.beginning import beginning, unreadable
from lossbench.formats.picture import ALPHA, Picture, upright

UNREADABLE = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError)
"""What Pillow raises for a damaged file."""
GREY = ("1", "L", "LA", "La")
COLOUR = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr")
ORIENTATION = 0x0112
KIND_OF_COLOUR, YCBCR = 262, 6
KIND_OF_PAGE = 254
"""Tag of a TIFF's page: bit 0 for a smaller copy of another page, bit 2 for a mask."""


def decoded(path: Path) -> Picture:
    """Decode `path` completely: (H, W, 1) of a grey picture, else (H, W, 3) of red, green and blue.

    EXIF orientation is applied, palettes are looked up, CMYK and YCbCr of a JPEG become RGB. Alpha and all frames but
    the first are left out, each with a Notice. Raises UserError naming the file when it is missing, truncated or no
    picture, has other than 8 bits, or 16 outside PNG, or is neither grey nor RGB (LAB, CMYK in a TIFF).
    """
    beginning(path)
    try:
        # given a path, Pillow maps an uncompressed TIFF into memory with the sides of the turned picture
        with _quiet(), path.open("rb") as file, Image.open(file) as image:
            _check_frames(image, path)
            found = _levels(image, path)
            return Picture(upright(found.pixels, _orientation(image)), found.white)
    except UnidentifiedImageError:
        # its own words show the open file
        raise unreadable(path, "damaged, or of no kind that is known") from None
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def header(path: Path) -> tuple[int, int, bool] | None:
    """Return height and width, of a picture that is not turned yet, and whether it has one band, undecoded.

    None for a file that Pillow does not know, or that can't be read.
    """
    try:
        with _quiet(), Image.open(path) as image:
            return image.height, image.width, image.mode in GREY or image.mode.startswith("I;16")
    except UNREADABLE:
        return None


def grey(path: Path) -> bool:
    """Return whether the header of `path` says that its picture has one band; False for a file of another kind."""
    found = header(path)
    return found is not None and found[2]


def is_ycbcr(path: Path) -> bool:
    """Return whether the header of the TIFF file `path` says that it holds luma and chroma, as JPEG does."""
    try:
        with _quiet(), Image.open(path) as image:
            return bool(image.tag_v2.get(KIND_OF_COLOUR) == YCBCR)  # type: ignore[attr-defined]
    # bands that Pillow does not know, another format
    except (*UNREADABLE, AttributeError):
        return False


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings of damaged or large files to itself: either the picture is read or it is refused."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _levels(image: ImageFile.ImageFile, path: Path) -> Picture:
    # Pillow reduces 16-bit colour to 8 bits without a word; only the mode of the file's bytes tells
    stored = " ".join(str(tile.args) for tile in image.tile)
    deep = image.mode.startswith(("I", "F")) or ";16" in stored
    if image.has_transparency_data:
        warnings.warn(Notice(path, ALPHA), stacklevel=2)
    if deep and image.format == "PNG":
        return Picture(_sixteen_bits(image, path), 65535)
    if deep:
        raise UserError(f"{path}: {image.mode} pixels are not 8-bit; convert the file to 8-bit RGB")
    if image.mode not in (*GREY, *COLOUR) or (image.mode == "CMYK" and image.format == "TIFF"):
        raise UserError(f"{path}: {image.mode} values are no levels of red, green and blue; convert the file to RGB")
    if image.mode == "RGBX":
        warnings.warn(Notice(path, "the fourth band is left out"), stacklevel=2)
    pixels = np.asarray(image.convert("L" if image.mode in GREY else "RGB"), dtype=np.uint8)
    return Picture(pixels if pixels.ndim == 3 else pixels[..., None], 255)


def _sixteen_bits(image: ImageFile.ImageFile, path: Path) -> NDArray[np.uint16]:
    """Return (H, W, 1 or 3) of a PNG of 16 bits a value."""
    (tile,) = image.tile
    stored = str(tile.args)
    if stored.startswith("I"):
        image.load()
        return np.asarray(image).astype(np.uint16)[..., None]
    if stored.startswith("LA"):
        # grey and alpha of two bytes each are as long as four bands of one
        high, low = np.moveaxis(_as_stored(path, "RGBA", "RGBA")[..., :2], -1, 0)
        return _joined(high, low)[..., None]
    # Pillow keeps the first byte of each value; told that bytes are the other way round, it keeps the second
    high, low = (_as_stored(path, image.mode, f"{image.mode};16{order}")[..., :3] for order in "BL")
    return _joined(high, low)


def _as_stored(path: Path, mode: str, stored: str) -> NDArray[np.uint8]:
    """Decode `path` as if its bytes were those of the raw mode `stored`, as bands of `mode`."""
    with Image.open(path) as image:
        (tile,) = image.tile
        image.tile = [tile._replace(args=stored)]
        image._mode = mode
        return np.asarray(image)


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    values: NDArray[np.uint16] = high.astype(np.uint16) * np.uint16(256) + low
    return values


def _orientation(image: Image.Image) -> int | None:
    """Return how the loaded picture is to be turned; None where it needs no turning, as a TIFF turned by Pillow."""
    try:
        found: Any = image.getexif().get(ORIENTATION)
    # whatever damaged EXIF ends in: the picture itself is read
    except Exception:
        return None
    return found if isinstance(found, int) else None


def _check_frames(image: Image.Image, path: Path) -> None:
    """Say that frames are left out; the smaller copies and masks that a TIFF may have beside its picture are none."""
    count = frames = getattr(image, "n_frames", 1)
    if image.format == "TIFF" and frames > 1:
        count = 0
        for number in range(frames):
            image.seek(number)
            count += not image.tag_v2.get(KIND_OF_PAGE, 0) & 5  # type: ignore[attr-defined]
        image.seek(0)
    if count > 1:
        warnings.warn(Notice(path, "the first of its frames or pages alone is read"), stacklevel=2)
