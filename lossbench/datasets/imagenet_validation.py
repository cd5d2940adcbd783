"""ImageNet's 50,000 validation pictures as classifiers see them: pictures to restore, with their classes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card, imagenet
from lossbench.datasets._tree import base, require_count
from lossbench.images import middle, read_image

CARD = card("imagenet_validation")

COUNT = 50_000
"""Published pictures; prepared they take 7.5 GB."""
SIDE = 224
"""Height and width of what `read` returns."""


class ImagenetValidation(Dataset):
    """The validation pictures of the tree of the data set imagenet."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the validation pictures as test, named `<wnid>-<name>` and sorted; no train, no val.

        The label of a class is its place among the sorted WordNet names. Raises UserError as the data set imagenet,
        which also checks that both of its folders have the same classes, and for another number of pictures than is
        published.
        """
        folder = base(root, CARD)
        found = imagenet.DATASET.locate(folder)["test"]
        require_count(len(found), COUNT, folder, "test", CARD)
        return {"train": [], "val": [], "test": found}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the middle of a picture reduced to a shorter side of 256 pixels, (224, 224, 3) uint8 RGB.

        The reduction is the one that the public classifiers were scored with: Pillow's bilinear filter, antialiased.
        Raises UserError naming the file when it is missing or truncated.
        """
        return middle(read_image(source.path), SIDE)


DATASET: Dataset = ImagenetValidation()
