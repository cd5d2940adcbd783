"""MNIST: handwritten digits, grey, 28 x 28, in the four files that torchvision keeps."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._idx import read_idx
from lossbench.datasets._tree import base, require_count, require_file
from lossbench.errors import UserError

CARD = card("mnist")

FILES = {"train": "train", "test": "t10k"}
"""Beginnings of the files of the published parts."""
COUNTS = {"train": 60_000, "test": 10_000}
VALIDATION = 5_000
"""The last of the training digits, on which choices are made."""
SIDE, CLASSES = 28, 10


class Mnist(Dataset):
    """MNIST, each digit a picture of its class."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return 55,000 digits to train on, the last 5,000 training digits as val, and 10,000 test digits.

        `root` holds `MNIST/raw` or its files, perhaps compressed. Raises UserError naming the split and the file that
        is missing or damaged, or holds another number of digits than the published.
        """
        folder = base(root, CARD, "MNIST/raw", "mnist/MNIST/raw", "raw")
        found: Splits = {"val": []}
        for split, beginning in FILES.items():
            images = _file(folder / f"{beginning}-images-idx3-ubyte", split)
            named = _file(folder / f"{beginning}-labels-idx1-ubyte", split)
            labels = read_idx(named)
            require_count(len(labels), COUNTS[split], folder, split, CARD)
            if labels.ndim != 1 or labels.max() >= CLASSES:
                raise UserError(f"{named} (split {split}): {labels.shape} values up to {labels.max()} are no labels of "
                                f"{CLASSES} classes; get the file again")  # fmt: skip
            shape = (COUNTS[split], SIDE, SIDE)
            if (given := read_idx(images).shape) != shape:
                raise UserError(f"{images} (split {split}): {given} values where {shape} are published")
            found[split] = [
                Source(f"{split}_{number:05d}", images, CARD.licence, part=number, group=str(label))
                for number, label in enumerate(labels.tolist())
            ]
        found["val"] = found["train"][-VALIDATION:]
        return {**found, "train": found["train"][:-VALIDATION]}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the digit that the source says, (28, 28, 1), white on black."""
        assert source.part is not None
        return read_idx(source.path)[source.part, :, :, None].copy()


def _file(path: Path, split: str) -> Path:
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.is_file() and not path.is_file() else require_file(path, split, CARD)


DATASET: Dataset = Mnist()
