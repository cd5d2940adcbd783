"""DAVIS-2017 at 480p: 90 sequences to train on, and the 30 of test-dev to score."""

from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._archives import fetch_folders
from lossbench.datasets._clips import ClipSet, numbered
from lossbench.datasets._tree import base, read_list, require_apart, require_count, require_folder

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
        published, a sequence that is listed twice (in both splits, too), or the first frame of those from 00000.jpg on
        that is missing.
        """
        top = base(root, CARD, "DAVIS")
        lists_folder = top / "ImageSets/2017"
        found: Splits = {"train": [], "val": [], "test": []}
        for split, lists in LISTS.items():
            for name in lists:
                listed = read_list(lists_folder / f"{name}.txt", split, CARD)
                found[split] += [self._sequence(top, each.rstrip("/"), split) for each in listed]
            require_count(len(found[split]), COUNTS[split], lists_folder, split, CARD, "sequences")
        require_apart({split: [source.name for source in sources] for split, sources in found.items()}, lists_folder)
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
