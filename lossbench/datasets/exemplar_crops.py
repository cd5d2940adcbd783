"""Crops of the exemplars' test regions: pictures to restore, whose classes are those of the data set `exemplars`."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card, exemplars
from lossbench.datasets._parts import part_of, parts

CARD = card("exemplar_crops")

SIDE = 64
"""Height and width of a crop in pixels."""
ROWS, COLUMNS = 6, 4
"""Crops of a region, evenly spaced from border to border; a region is a narrow strip of its picture."""


class ExemplarCrops(Dataset):
    """Crops of 64 x 64 of the regions that no classifier is trained on."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return test crops alone, named `<class>-test~00` and so on, row by row from the top; `root` is ignored.

        Raises UserError naming the first file that is missing or has another SHA-256 than catalogued.
        """
        regions = exemplars.DATASET.locate(root)["test"]
        return {"train": [], "val": [], "test": [crop for region in regions for crop in parts(region, ROWS * COLUMNS)]}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the crop that the name says, (64, 64, 3) uint8; grey is repeated to three bands."""
        whole, number = part_of(source)
        region = _region(whole)
        row, column = divmod(number, COLUMNS)
        top, left = (
            round((length - SIDE) * place / (count - 1))
            for length, place, count in zip(region.shape, (row, column), (ROWS, COLUMNS), strict=False)
        )
        return region[top : top + SIDE, left : left + SIDE].copy()


@lru_cache(maxsize=1)
def _region(source: Source) -> NDArray[np.uint8]:
    # the crops of one region follow one another
    return exemplars.DATASET.read(source)


DATASET: Dataset = ExemplarCrops()
