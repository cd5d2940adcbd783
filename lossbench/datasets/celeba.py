"""CelebA: aligned faces of celebrities, in the folder that torchvision keeps."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._published import read_colour
from lossbench.datasets._tree import base, pictures, require_apart, require_count, require_file
from lossbench.errors import UserError

CARD = card("celeba")

SPLITS = ("train", "val", "test")
PLACES = ("0", "1", "2")
"""What the list of the partition calls them."""
COUNTS = {"train": 162_770, "val": 19_867, "test": 19_962}
SIZE = (218, 178)
"""Height and width."""


class CelebA(Dataset):
    """CelebA in its published partition."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the faces of each split.

        `root` holds `celeba` or is that folder, with `img_align_celeba` and `list_eval_partition.txt`. Raises UserError
        naming the split and the folder or file that is missing, a damaged list, a face that is
        listed twice, or another number of pictures than the published.
        """
        top = base(root, CARD, "celeba")
        listed = require_file(top / "list_eval_partition.txt", "train", CARD)
        folder = top / "img_align_celeba"
        found = pictures(folder, "train", CARD, {".jpg"})
        splits: Splits = {split: [] for split in SPLITS}
        # an editor may have put a mark of its own at the start, and a blank line at the end
        for number, line in enumerate(listed.read_text("utf-8-sig", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            file, _, place = line.strip().partition(" ")
            if place.strip() not in PLACES:
                raise UserError(
                    f"{listed}, line {number}: '{line}' is no file and split; write it as 000001.jpg 0 (0 for train, "
                    "1 for val, 2 for test)"
                )
            name, split = Path(file).stem, SPLITS[PLACES.index(place.strip())]
            if name not in found:
                raise UserError(f"{folder / file}: file of split '{split}' of data set 'celeba' is missing")
            splits[split].append(Source(name, found[name], CARD.licence))
        require_apart({split: [source.name for source in sources] for split, sources in splits.items()}, listed)
        for split, sources in splits.items():
            require_count(len(sources), COUNTS[split], folder, split, CARD)
        return splits

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the face (218, 178, 3); raises UserError naming a damaged file or one of another size."""
        return read_colour(source.path, SIZE)


DATASET: Dataset = CelebA()
