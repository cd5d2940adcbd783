"""Crops of eight photographs with their ImageNet classes: pictures to restore, for a classifier of these classes."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Labelled, Source, Splits, card
from lossbench.datasets._crops import GRID, HELD_OUT, Photograph, crops, label_of
from lossbench.datasets._embedded import embedded_sources
from lossbench.datasets._parts import part_of, parts
from lossbench.images import read_image
from lossbench.names import of_class

CARD = card("labelled_photographs")

SHORT_SIDES = (256,)
"""Sizes to which the short side of a photograph is brought before it is cut, in pixels; above the side of a crop."""
COUNT = len(SHORT_SIDES) * GRID**2
"""Crops of a photograph: where both sides are longer than a crop there are as many places along each as GRID says."""


class LabelledPhotographs(Dataset, Labelled):
    """Crops of 224 x 224 of the photographs that nothing is trained on."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return test crops alone, named by class and photograph, `129-imagenet_14~00` and so on; `root` is ignored.

        Raises UserError naming the first file that is missing or has another SHA-256 than catalogued.
        """
        found = [_labelled(source) for source in embedded_sources(HELD_OUT)]
        return {"train": [], "val": [], "test": [crop for source in found for crop in parts(source, COUNT)]}

    def label(self, group: str) -> int:
        """Return which of ImageNet's classes 0..999 the class `group` is."""
        return int(group)

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the crop that the name says, (224, 224, 3) uint8."""
        whole, number = part_of(source)
        return _crops(whole)[number].copy()


def _labelled(source: Source) -> Source:
    number = str(label_of(source.path.name))
    return replace(source, name=of_class(number, source.name.removesuffix(f"_{number}")), group=number)


@lru_cache(maxsize=1)
def _crops(source: Source) -> list[NDArray[np.uint8]]:
    # the crops of one photograph follow one another
    shown = Photograph(source.name, int(str(source.group)), read_image(source.path))
    return [crop.pixels for crop in crops([shown], SHORT_SIDES, GRID)]


DATASET: Dataset = LabelledPhotographs()
