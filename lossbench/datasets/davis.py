"""DAVIS-2017 at 480p: 90 sequences to train on, and the 30 of test-dev to score."""

from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._archives import fetch_folders
from lossbench.datasets._clips import ClipSet, numbered
from lossbench.datasets._tree import base, require_count, require_file, require_folder, require_unique

CARD = card("davis")

LISTS = {"train": ("train", "val"), "test": ("test-dev",)}
"""Published lists of each split: the video denoisers train on all 90 sequences with masks, and score test-dev."""
COUNTS = {"train": 90, "test": 30}


class Davis(ClipSet):
    """DAVIS-2017 in its published folders."""

    card = CARD
    extensions = frozenset({".jpg"})

    def locate(self, root: Path | None) -> Splits:
        """Return the sequences below `root` (or `root/DAVIS`) in the order of their lists: 90 train, no val, 30 test.

        Raises UserError naming the split and the list or folder that is missing, another number of sequences than the
        published, a sequence that is listed twice, or the first frame of those from 00000.jpg on that is missing.
        """
        top = base(root, CARD, "DAVIS")
        found: Splits = {"train": [], "val": [], "test": []}
        for split, lists in LISTS.items():
            for name in lists:
                listed = require_file(top / f"ImageSets/2017/{name}.txt", split, CARD)
                found[split] += [self._sequence(top, each, split) for each in listed.read_text("utf-8").split()]
            require_count(len(found[split]), COUNTS[split], top / "ImageSets/2017", split, CARD, "sequences")
            require_unique(found[split], split)
        return found

    def fetch(self, root: Path) -> None:
        """Download both archives (1.1 GB, and as much again while they are unpacked) into `root/DAVIS`.

        Raises UserError as `fetch_folders`.
        """
        fetch_folders(CARD.archives, root, ("DAVIS",), "DAVIS.partial")

    def _sequence(self, top: Path, name: str, split: str) -> Source:
        folder = require_folder(top / "JPEGImages/480p" / name, split, CARD)
        numbered(self.files(folder), folder, split, CARD)
        return Source(name, folder, CARD.licence)


DATASET: Dataset = Davis()
