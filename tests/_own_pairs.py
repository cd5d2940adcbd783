"""A user's own pairs: smooth pictures of 8 or 16 bit, and their low quality at a scale."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from conftest import picture
from numpy.typing import NDArray

from lossbench.formats.png import write_levels
from lossbench.resize import resize_bicubic

COUNTS = {"train": 3, "test": 2}


def write_pairs(root: Path, scale: int = 1, side: int = 40, low_bits: int = 8, bits: int = 8) -> Path:
    """Write pairs below `root`: low quality is half as bright and, above scale 1, smaller; return `root`."""
    for split, count in COUNTS.items():
        for index in range(count):
            levels = picture(side, side + 4 * scale, index + 10 * len(split))
            small = resize_bicubic(levels, Fraction(1, scale)) if scale > 1 else levels
            for role, pixels, depth in (("target", levels, bits), ("low_quality", small // 2, low_bits)):
                file = root / split / role / f"p{index}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                write_levels(file, deeper(pixels) if depth == 16 else pixels)
    return root


def deeper(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return 16-bit levels whose low bits are no copy of the high ones."""
    return (pixels.astype(np.uint16) * 257) ^ np.uint16(5)
