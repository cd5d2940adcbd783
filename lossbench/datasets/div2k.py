"""DIV2K: 800 training and 100 validation pictures of 2K size, with low-resolution partners by MATLAB's bicubic."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._archives import fetch_folders
from lossbench.datasets._tree import base, require_file, require_folder

NUMBERS: dict[str, Sequence[int]] = {"train": range(1, 801), "val": (), "test": range(801, 901)}
"""The published split: every recipe trains on all of 1-800 and scores 801-900, so that nothing is left for val."""

FOLDERS = {"train": "train", "test": "valid"}
SCALES = (2, 3, 4)

EXTRACTED = ("DIV2K_train_HR", "DIV2K_valid_HR", "DIV2K_train_LR_bicubic", "DIV2K_valid_LR_bicubic")

CARD = card("div2k")
ARCHIVES = CARD.archives
"""What `fetch` downloads: the bicubic tracks x2 and x4."""


class Div2k(Dataset):
    """DIV2K in its published folders."""

    card = CARD

    def __init__(self, numbers: Mapping[str, Sequence[int]] = NUMBERS) -> None:
        """Expect the pictures `numbers` by split; others than the published are for a smaller tree."""
        self.numbers = numbers

    def locate(self, root: Path | None) -> Splits:
        """Return the high-resolution pictures below `root`: 800 train, no val, 100 test.

        Raises UserError naming the split and the first folder or file that is missing.
        """
        return self._sources(root, "DIV2K_{folder}_HR", "{number:04d}.png")

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the partners of `locate` for `super_resolution` by 2, 3 or 4; None for what the set does not ship.

        The partners were made by MATLAB's antialiased bicubic; other implementations differ slightly and must not be
        mixed with them. Raises UserError naming the split and the first folder or file that is missing.
        """
        if task != "super_resolution" or scale not in SCALES:
            return None
        return self._sources(root, f"DIV2K_{{folder}}_LR_bicubic/X{scale}", f"{{number:04d}}x{scale}.png")

    def fetch(self, root: Path) -> None:
        """Download the x2 and x4 bicubic tracks (5.3 GB, and as much again while they are unpacked) into `root`.

        All lies in `root/DIV2K.partial` until every archive has its digest and is unpacked. An interrupted download
        keeps its finished archives and goes on where it stopped. Raises UserError naming a folder that is in the way, a
        failed download, or an archive with another digest.
        """
        fetch_folders(ARCHIVES, root, EXTRACTED, "DIV2K.partial")

    def _sources(self, root: Path | None, folder_pattern: str, file_pattern: str) -> Splits:
        top = base(root, CARD)
        found: Splits = {"train": [], "val": [], "test": []}
        for split, folder_name in FOLDERS.items():
            folder = require_folder(top / folder_pattern.format(folder=folder_name), split, CARD)
            for number in sorted(self.numbers[split]):
                path = require_file(folder / file_pattern.format(number=number), split, CARD)
                found[split].append(Source(f"{number:04d}", path, CARD.licence))
        return found


DATASET: Dataset = Div2k()
