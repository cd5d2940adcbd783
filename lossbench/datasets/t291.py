"""The "291 images" of the restoration literature: 91 of Yang et al. and the 200 training pictures of Berkeley's set."""

from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._tree import base, pictures, require_count, require_unique
from lossbench.names import of_class

CARD = card("t291")

FOLDERS: dict[str, tuple[tuple[str, ...], int]] = {"T91": (("T91",), 91), "BSDS200": (("BSDS200", "BSD200"), 200)}
"""Folders by what they are called, and their published pictures."""
EXTENSIONS = {".png", ".jpg", ".bmp"}


class T291(Dataset):
    """Pictures to train on alone."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return all pictures as the split train; val and test are empty.

        Raises UserError naming the folder that is missing or holds another number of pictures than the published.
        """
        top = base(root, CARD)
        sources: list[Source] = []
        for name, (folders, count) in FOLDERS.items():
            folder = base(top, CARD, *folders) if any((top / one).is_dir() for one in folders) else top / folders[0]
            found = pictures(folder, "train", CARD, EXTENSIONS)
            require_count(len(found), count, folder, "train", CARD)
            sources += [Source(of_class(name, stem), path, CARD.licence) for stem, path in found.items()]
        require_unique(sources, "train")
        return {"train": sources, "val": [], "test": []}


DATASET: Dataset = T291()
