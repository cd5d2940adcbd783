"""LOL: 500 indoor scenes, each photographed underexposed and well exposed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._colour import read_colour
from lossbench.datasets._lowlight import Pair, pairs, partners, targets
from lossbench.datasets._tree import base, require_count

CARD = card("lol")

FOLDERS = {"train": "our485", "test": "eval15"}
COUNTS = {"train": 485, "test": 15}
"""Published pairs of each split; nothing is held out for val, as in the published recipes."""

SIZE = (400, 600)
"""Height and width of every picture."""


class Lol(Dataset):
    """LOL in its published folders."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the well exposed pictures below `root` (or `root/LOLdataset`): 485 train, no val, 15 test.

        Raises UserError naming the split and the folder, the picture without partner or the wrong number of pictures.
        """
        return {split: targets(found, CARD.licence) for split, found in _pairs(root).items()}

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the underexposed partners of `locate` for `enhancement`; None for what the set does not ship."""
        if task != "enhancement" or scale != 1:
            return None
        return {split: partners(found, CARD.licence) for split, found in _pairs(root).items()}

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return (400, 600, 3) uint8; raises UserError naming a file that is damaged or has another size or bands."""
        return read_colour(source.path, SIZE)

    read_low_quality = read


def _pairs(root: Path | None) -> dict[str, list[Pair]]:
    top = base(root, CARD, "LOLdataset")
    found: dict[str, list[Pair]] = {"train": [], "val": [], "test": []}
    for split, folder in FOLDERS.items():
        found[split] = pairs(top / folder, split, CARD, {".png"})
        require_count(len(found[split]), COUNTS[split], top / folder / "high", split, CARD)
    return found


DATASET: Dataset = Lol()
