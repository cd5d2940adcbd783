"""LSRW-Huawei: 2,480 scenes, each photographed underexposed and well exposed with a Huawei phone."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lossbench.datasets import Dataset, card
from lossbench.datasets._lowlight import LowLightSet, Pair, pairs_of
from lossbench.datasets._tree import base, require_count

CARD = card("huawei")

FOLDERS = {"train": "Training data/Huawei", "eval": "Eval/Huawei"}
COUNTS = {"train": 2200, "test": 280}
"""Pairs of each split in the MAE paper; which ones is not published, so `split_names` draws them."""

SEED = "lossbench"
"""Another seed draws another split."""


class Huawei(LowLightSet):
    """LSRW-Huawei in its published folders."""

    card = CARD

    def pairs(self, root: Path | None) -> dict[str, list[Pair]]:
        """Return the pairs below `root` (or `root/LSRW`): 2,200 train, no val, 280 test.

        Both official folders are pooled, a name that is in both gets its folder as prefix (`train_1`, `eval_1`), and
        `split_names` divides them; the prepared data's card lists the names of each split.
        """
        top = base(root, CARD, "LSRW")
        by_folder = {label: pairs_of(top / folder, label, CARD, {".jpg", ".jpeg"}) for label, folder in FOLDERS.items()}
        uses = Counter(pair.name for found in by_folder.values() for pair in found)
        pooled: dict[str, Pair] = {}
        for label, found in by_folder.items():
            for pair in found:
                name = f"{label}_{pair.name}" if uses[pair.name] > 1 else pair.name
                pooled[name] = Pair(name, pair.high, pair.low)
        require_count(len(pooled), sum(COUNTS.values()), top, "train and test", CARD)
        return {split: [pooled[name] for name in chosen] for split, chosen in split_names(pooled).items()}


def split_names(names: Iterable[str]) -> dict[str, list[str]]:
    """Divide the pictures' names into train and test (`COUNTS["test"]` of them), both sorted; val is empty.

    The order of the draw is that of the SHA-256 of `SEED/name`: it depends on nothing else, neither on the order of
    the files on disk nor on the version of a random generator.
    """
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{SEED}/{name}".encode()).hexdigest())
    held_out = COUNTS["test"]
    return {"train": sorted(drawn[held_out:]), "val": [], "test": sorted(drawn[:held_out])}


DATASET: Dataset = Huawei()
