"""BSDS500: 500 photographs of 481 x 321; the fold `val` is BSD100 and holds the 68 that denoising is tested on."""

from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._archives import fetch_folders
from lossbench.datasets._tree import base, pictures, require_count, require_file

CARD = card("bsds500")

NESTED = ("BSDS500/images", "BSR/BSDS500/data/images", "images")
"""Where the folds lie: as the folder is passed on, in the published archive, and in either's own folder."""
FOLDS = {"train": 200, "val": 100, "test": 200}
"""Published folds and their pictures. What the data set calls val, the field tests on."""

EACH = 20
"""Of the 400 photographs of `train` and `test`, in the order of their names, each EACH-th is this project's val."""

TESTED = """
101085 101087 102061 103070 105025 106024 108005 108070 108082 109053 119082 12084 123074 126007 130026 134035 14037
143090 145086 147091 148026 148089 157055 159008 160068 16077 163085 167062 167083 170057 175032 175043 182053 189080
19021 196073 197017 208001 210088 21077 216081 219090 220075 223061 227092 229036 236037 24077 241004 241048 253027
253055 260058 271035 285079 291000 295087 296007 296059 299086 300091 302008 304034 304074 306005 3096 33039 351093
"""
"""Roth and Black's 68 of the fold `val`, in colour CBSD68; their names are those of the files in DnCNN's copy."""


class Bsds500(Dataset):
    """BSDS500 as the restoration literature divides it: BSD400 to train on, CBSD68 to test on."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return 380 pictures to train on, 20 for choices (val), and the 68 of CBSD68 (test).

        Raises UserError naming the split and the first folder or file that is missing.
        """
        top = base(root, CARD, *NESTED)
        found: dict[str, Path] = {}
        for fold in ("train", "test"):
            here = pictures(top / fold, "train", CARD, {".jpg"})
            require_count(len(here), FOLDS[fold], top / fold, "train", CARD)
            found |= here
        names = sorted(found)
        chosen = set(names[EACH - 1 :: EACH])
        tested = {name: require_file(top / "val" / f"{name}.jpg", "test", CARD) for name in sorted(TESTED.split())}
        return {
            "train": [Source(name, found[name], CARD.licence) for name in names if name not in chosen],
            "val": [Source(name, found[name], CARD.licence) for name in sorted(chosen)],
            "test": [Source(name, path, CARD.licence) for name, path in tested.items()],
        }

    def fetch(self, root: Path) -> None:
        """Download the published archive, with the people's segmentations, and put its folder `BSR` into `root`.

        No digest of it is published. Raises UserError naming a folder that is in the way or a failed download.
        """
        fetch_folders(CARD.archives, root, ("BSR",), "BSDS500.partial")


DATASET: Dataset = Bsds500()
