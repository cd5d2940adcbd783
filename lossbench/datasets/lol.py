"""LOL: 500 indoor scenes, each photographed underexposed and well exposed."""

from pathlib import Path

from lossbench.datasets import Dataset, card
from lossbench.datasets._lowlight import LowLightSet, Pair, pairs_of
from lossbench.datasets._tree import base, require_count

CARD = card("lol")

FOLDERS = {"train": "our485", "test": "eval15"}
COUNTS = {"train": 485, "test": 15}
"""Published pairs of each split; nothing is held out for val, as in the published recipes."""


class Lol(LowLightSet):
    """LOL in its published folders."""

    card = CARD
    size = (400, 600)

    def pairs(self, root: Path | None) -> dict[str, list[Pair]]:
        """Return the pairs below `root` (or `root/LOLdataset`): 485 train, no val, 15 test."""
        top = base(root, CARD, "LOLdataset")
        found: dict[str, list[Pair]] = {"train": [], "val": [], "test": []}
        for split, folder in FOLDERS.items():
            found[split] = pairs_of(top / folder, split, CARD, {".png"})
            require_count(len(found[split]), COUNTS[split], top / folder / "high", split, CARD)
        return found


DATASET: Dataset = Lol()
