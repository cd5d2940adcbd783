"""Twenty pictures as twenty classes: a labelled set for small classifiers, in place of ImageNet's classes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._embedded import EMBEDDED, embedded_sources
from lossbench.images import read_image
from lossbench.names import of_class

CARD = card("exemplars")

PNG = ("brick", "camera", "cell", "coins", "grass", "gravel", "ihc", "moon", "page", "text")
FILES = (
    *EMBEDDED[12:],
    *(f"skimage/data/{name}.png" for name in PNG),
    "skimage/data/hubble_deep_field.jpg",
    "skimage/data/retina.jpg",
)
"""One class each; the label is the place in the sorted names of the files."""

COLUMNS = {"train": (0.0, 0.65), "test": (0.70, 1.0)}
"""Shares of the width: the left part is trained on, the right part tested on, and nobody sees what lies between."""


class Exemplars(Dataset):
    """Two regions of every picture."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return one train and one test region of each picture, named `<class>-train` and `<class>-test`.

        `root` is ignored. Raises UserError naming the first file that is missing or has another SHA-256 than
        catalogued.
        """
        whole = embedded_sources(FILES)
        regions = {split: [_region(source, split) for source in whole] for split in COLUMNS}
        return {"train": regions["train"], "val": [], "test": regions["test"]}

    def read(self, source: Source) -> NDArray[Any]:
        """Return the columns of a picture that its name says, (H, W, 3) uint8; grey is repeated to three bands."""
        pixels = read_image(source.path)
        (split,) = (split for split in COLUMNS if source.name == of_class(str(source.group), split))
        first, last = COLUMNS[split]
        width = pixels.shape[1]
        return np.ascontiguousarray(pixels[:, round(first * width) : round(last * width)])


def _region(source: Source, split: str) -> Source:
    return replace(source, name=of_class(source.name, split), group=source.name)


DATASET: Dataset = Exemplars()
