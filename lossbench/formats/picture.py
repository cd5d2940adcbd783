"""A picture as it is compared: its levels, the level that stands for 1, and which way up it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError

ALPHA = "alpha is not compared; colours count as they are stored"
"""What is said of a file with transparency."""


class DepthError(UserError):
    """A file whose numbers are no levels of up to 16 bits: floats, signed or wider numbers."""

    def __init__(self, path: Path, kind: str) -> None:
        """Say the `kind` of its numbers, such as `float32`."""
        super().__init__(f"{path}: {kind} values; convert the file to 8 or 16 bit")
        self.kind = kind


# by the tag of EXIF and TIFF: whether rows become columns, then which of both axes are reversed
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True)
class Picture:
    """Levels of a file, upright and without alpha."""

    pixels: NDArray[Any]
    """(H, W, bands) of uint8 or uint16; a grey picture has one band."""
    white: int
    """The level that stands for 1: 255, less for a file of fewer bits, more for one of more than eight."""

    @property
    def deep(self) -> bool:
        """Whether there are more levels than eight bits have."""
        return self.white > 255


def upright(pixels: NDArray[Any], orientation: int | None) -> NDArray[Any]:
    """Return (H, W, bands) turned and mirrored as the tag `orientation` (1 to 8) of EXIF or TIFF says."""
    transposed, down, right = _TURNS.get(orientation or 1, (False, False, False))
    turned = pixels.swapaxes(0, 1) if transposed else pixels
    return np.ascontiguousarray(turned[:: -1 if down else 1, :: -1 if right else 1])
