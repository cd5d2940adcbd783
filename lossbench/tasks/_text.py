"""Random text over a picture, as Noise2Noise corrupts it: strings of random letters, places, sizes and colours."""

from functools import cache
from string import ascii_letters, digits

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lossbench.assets import embedded

FONT = "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"
"""Free under the Bitstream Vera licence with DejaVu's changes in the public domain; the SHA-256 is catalogued."""
ALPHABET = tuple(ascii_letters + digits)
INK = 128
"""Of 255: what is covered by as much of a letter counts as covered, the rest of its smooth edge is not drawn."""


def with_text(
    picture: NDArray[np.uint8],
    occupancy: float,
    generator: np.random.Generator | int,
    sizes: tuple[int, int] = (16, 20),
    letters: tuple[int, int] = (10, 24),
) -> NDArray[np.uint8]:
    """Return a copy of `picture` (H, W, C) of which the share `occupancy` is covered by text.

    Strings of `letters` letters and digits, each of one size within `sizes` in pixels and of one colour, are laid over
    one another at random places; the last one is cut off at the column in which the share is reached. All chance is of
    `generator`, or of the seed that it is.
    """
    chance = np.random.default_rng(generator)
    height, width, bands = picture.shape
    result, covered = picture.copy(), np.zeros((height, width), dtype=bool)
    missing = round(occupancy * height * width)
    while missing > 0:
        shape = _string(chance, sizes, letters)
        colour = chance.integers(256, size=bands).astype(np.uint8)
        rows, columns = shape.shape
        # as often cut off by one border as by the other
        top, left = int(chance.integers(-(rows // 2), height)), int(chance.integers(-(columns // 2), width))
        shape = shape[max(-top, 0) : height - top, max(-left, 0) : width - left]
        top, left = max(top, 0), max(left, 0)
        window = slice(top, top + shape.shape[0]), slice(left, left + shape.shape[1])
        reached = (shape & ~covered[window]).sum(axis=0).cumsum()
        last = int(np.searchsorted(reached, missing))
        shape[:, last + 1 :] = False
        result[window][shape] = colour
        covered[window] |= shape
        missing -= int(reached[min(last, len(reached) - 1)])
    return result


def _string(chance: np.random.Generator, sizes: tuple[int, int], letters: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where a random string has ink."""
    font = _letters(int(chance.integers(sizes[0], sizes[1], endpoint=True)))
    count = int(chance.integers(letters[0], letters[1], endpoint=True))
    return np.concatenate([font[place] for place in chance.integers(len(ALPHABET), size=count)], axis=1)


@cache
def _letters(size: int) -> list[NDArray[np.bool_]]:
    """Return where each letter of the alphabet has ink, as high as a line and as wide as it moves the next one on."""
    font = ImageFont.truetype(str(embedded.locate(FONT)), size, layout_engine=ImageFont.Layout.BASIC)
    drawn = []
    for letter in ALPHABET:
        canvas = Image.new("L", (round(font.getlength(letter)), sum(font.getmetrics())))
        ImageDraw.Draw(canvas).text((0, 0), letter, fill=255, font=font)
        drawn.append(np.asarray(canvas) >= INK)
    return drawn
