"""PNG of 8 or 16 bits with a text and a profile of colour, written in parts and read back for what it says.

Pillow writes no colour of 16 bits, and takes a second copy of a picture to write it.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lossbench.files import written_atomically

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = {1: 0, 2: 4, 3: 2, 4: 6}
"""The format's number of a kind of picture, by its bands: grey, grey and alpha, RGB, RGB and alpha."""
PAETH = 4
"""The format's number of the filter that guesses a value by those to the left, above, and left above."""
ROWS = 64
"""Rows that are filtered at once."""
LEVEL = 4
"""Of zlib: twice as quick as its usual one, for a few hundredths of the size."""
LAST = b"\0\0\0\0IEND\xaeB`\x82"
"""With what a whole file ends."""


def write_levels(path: Path, levels: NDArray[Any], text: dict[str, str] | None = None, profile: bytes = b"") -> None:
    """Write (H, W, 1 to 4) of uint8 or uint16 to `path`, atomically; an even number of bands ends with alpha.

    `text` is stored in the file, both its words in Latin-1, and so is `profile`, an ICC profile.
    """
    height, width, bands = levels.shape
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        file.write(SIGNATURE)
        _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * levels.itemsize, KINDS[bands], 0, 0, 0))
        if profile:
            _chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
        for word, said in (text or {}).items():
            _chunk(file, b"tEXt", f"{word}\0{said}".encode("latin-1"))
        compressor = zlib.compressobj(LEVEL)
        for part in _filtered(levels):
            _chunk(file, b"IDAT", compressor.compress(part))
        _chunk(file, b"IDAT", compressor.flush())
        file.write(LAST)


def text_of(path: Path) -> dict[str, str] | None:
    """Return the text in the whole PNG file `path`; None where it is cut short or no PNG."""
    found: dict[str, str] = {}
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return None
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            size = int.from_bytes(head[:4])
            if head[4:] == b"tEXt":
                word, _, said = file.read(size).decode("latin-1").partition("\0")
                found[word] = said
                size = 0
            file.seek(size + 4, 1)
        file.seek(0, 2)
        file.seek(-min(len(LAST), file.tell()), 2)
        return found if file.read() == LAST else None


def _chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    # a compressor that keeps what it is given gives nothing to write
    if content:
        file.write(struct.pack(">I", len(content)) + kind + content)
        file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))


def _filtered(levels: NDArray[Any]) -> Iterator[bytes]:
    """Give the rows as the format has them, each behind the number of its filter."""
    height, step = len(levels), levels.shape[-1] * levels.itemsize
    above = np.zeros((1, levels.shape[1] * step), np.uint8)
    for first in range(0, height, ROWS):
        part = np.ascontiguousarray(levels[first : first + ROWS]).astype(levels.dtype.newbyteorder(">"), copy=False)
        rows = part.view(np.uint8).reshape(len(part), -1)
        upper = np.concatenate([above, rows[:-1]])
        left, corner = np.zeros_like(rows), np.zeros_like(rows)
        left[:, step:], corner[:, step:] = rows[:, :-step], upper[:, :-step]
        lines = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
        lines[:, 0], lines[:, 1:] = PAETH, rows - _guessed(left, upper, corner)
        yield lines.tobytes()
        above = rows[-1:]


def _guessed(left: NDArray[np.uint8], upper: NDArray[np.uint8], corner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return of each value that one of its three neighbours which is nearest to left + upper - corner."""
    a, b, c = (values.astype(np.int16) for values in (left, upper, corner))
    to_left, to_upper, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    nearest = np.where(to_upper <= to_corner, upper, corner)
    return np.where((to_left <= to_upper) & (to_left <= to_corner), left, nearest)
