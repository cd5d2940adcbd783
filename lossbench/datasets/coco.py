"""MS COCO as EnhanceNet trains on it: the centre square of every large photograph, reduced to 256 x 256."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._published import picture_size
from lossbench.datasets._tree import base, pictures, require_count
from lossbench.errors import UserError
from lossbench.formats.beginning import beginning

CARD = card("coco")

COUNTS = {"train2014": 82_783, "val2017": 5_000, "val2014": 40_504}
"""Published pictures of each folder, small ones included."""

SHORT_SIDE = 384
"""Pixels that the shorter side needs at least (EnhanceNet, Sajjadi et al. 2017)."""

SIDE = 256
"""Height and width of what `read` returns (EnhanceNet)."""

LIMIT = 200_000
"""Pictures of a split at most, the first by name: EnhanceNet trains on roughly 200,000.

Each takes 196,608 bytes when prepared, so that train2014 alone takes up to 16 GB; a lower number suits a small disk.
"""


class Coco(Dataset):
    """MS COCO in its published folders."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the photographs of train2014 and of val2017, or else of val2014, that are large enough; no test.

        The pictures of val2017 come from val2014, so that none of them is in train2014. Only the files' headers are
        read. Raises UserError naming the split and the folder that is missing or holds another number of pictures, or
        the file with a damaged header.
        """
        top = base(root, CARD, "coco", "COCO")
        val = "val2014" if (top / "val2014").is_dir() and not (top / "val2017").is_dir() else "val2017"
        return {"train": _large(top / "train2014", "train"), "val": _large(top / val, "val"), "test": []}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the centre square as (256, 256, 3) uint8 RGB, upright as its EXIF orientation says.

        Grey and CMYK files are converted. The reduction is Pillow's Lanczos filter, which is antialiased: the one that
        EnhanceNet's code uses for its low-resolution inputs, since the paper names none for this step. Reducing also
        hides the JPEG blocks. Raises UserError naming the file when it is missing, truncated or too small.
        """
        beginning(source.path)
        try:
            with Image.open(source.path) as stored:
                upright = ImageOps.exif_transpose(stored).convert("RGB")
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            raise UserError(f"{source.path} is not a readable picture ({error}); replace or remove the file") from None
        short = min(upright.size)
        if short < SHORT_SIDE:
            raise UserError(f"{source.path}: short side {short} px, at least {SHORT_SIDE} are needed; remove the file")
        return centre_square(upright)


def centre_square(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the centre square of an RGB picture as uint8, reduced to (256, 256, 3); a smaller one as it is."""
    short = min(picture.size)
    side = min(short, SIDE)
    left, top = ((length - short) // 2 for length in picture.size)
    # cut first: a filter that sees beyond the square would give other values at its border
    square = picture.crop((left, top, left + short, top + short))
    return np.asarray(square.resize((side, side), Image.Resampling.LANCZOS), dtype=np.uint8)


def _large(folder: Path, split: str) -> list[Source]:
    found = pictures(folder, split, CARD, {".jpg"})
    require_count(len(found), COUNTS[folder.name], folder, split, CARD)
    sources: list[Source] = []
    for name, path in found.items():
        if len(sources) == LIMIT:
            break
        if min(picture_size(path, split)) >= SHORT_SIDE:
            sources.append(Source(name, path, CARD.licence))
    return sources


DATASET: Dataset = Coco()
