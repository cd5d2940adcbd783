"""In which colour a metric sees two pictures, as configurations name it and tables print it."""

from typing import Literal

Colour = Literal["rgb", "y601", "y601_rounded", "gray"]

COLOURS: dict[Colour, str] = {
    "rgb": "RGB",
    "y601": "Y (BT.601)",
    "y601_rounded": "Y (BT.601, rounded)",
    "gray": "gray",
}

OTHER_NAMES: dict[str, Colour] = {"y": "y601"}
"""What is taken for a colour beside its own name."""
