"""Squares of the embedded photographs, cut and reduced as EnhanceNet's training pictures are, in place of COCO."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.datasets import Dataset, Source, Splits, card, photographs
from lossbench.datasets._embedded import embedded_sources
from lossbench.datasets.coco import centre_square
from lossbench.images import read_image

CARD = card("photograph_squares")


class PhotographSquares(Dataset):
    """The train and val photographs of the data set photographs, as squares."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the 12 train and 2 val photographs of the data set `photographs`, and no test; `root` is ignored.

        Raises UserError naming the first file that is missing or whose SHA-256 is not the catalogued one.
        """
        return {**{split: embedded_sources(photographs.FILES[split]) for split in ("train", "val")}, "test": []}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the centre square as (256, 256, 3) uint8, by Pillow's Lanczos filter; a smaller one as it is."""
        return centre_square(Image.fromarray(read_image(source.path)))


DATASET: Dataset = PhotographSquares()
