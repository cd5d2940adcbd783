"""ImageNet (ILSVRC 2012) in its WordNet folders: 1000 classes, 1,281,167 training and 50,000 validation pictures."""

from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._tree import base, remedy, require_folder, require_unique
from lossbench.errors import UserError
from lossbench.formats.listing import listed
from lossbench.names import of_class

CARD = card("imagenet")

FOLDERS = {"train": "train", "test": "val"}
"""The labels of ImageNet's own test pictures are not public: it is scored on its validation pictures."""
EXTENSIONS = frozenset({".jpeg", ".jpg", ".png"})


class Imagenet(Dataset):
    """ImageNet in its WordNet folders."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return every picture as `<wnid>-<name>`, sorted: train, no val, and ImageNet's validation pictures as test.

        The label of a class is its place among the sorted WordNet names, as in torchvision. No picture is opened: a few
        are CMYK or grey, and one is a PNG named JPEG; the reader tells by the content and makes all of them RGB. Raises
        UserError naming the split and a missing folder, a class that the other split lacks, or a class without a
        picture.
        """
        folder = base(root, CARD, "ILSVRC/Data/CLS-LOC", "ILSVRC2012", "imagenet")
        classes = {split: _classes(folder / name, split) for split, name in FOLDERS.items()}
        for split, other in (("train", "test"), ("test", "train")):
            for name in sorted(classes[other] - classes[split]):
                raise UserError(
                    f"{folder / FOLDERS[split] / name}: class of split '{split}' is missing, {FOLDERS[other]} has it;"
                    f" {remedy(CARD)}"
                )
        found = {split: _pictures(folder / name, sorted(classes[split]), split) for split, name in FOLDERS.items()}
        return {"train": found["train"], "val": [], "test": found["test"]}


def _classes(folder: Path, split: str) -> set[str]:
    names = {entry.name for entry in require_folder(folder, split, CARD).iterdir() if entry.is_dir()}
    visible = {name for name in names if not name.startswith(".")}
    if len(visible) < 2:
        raise UserError(f"{folder}: {len(visible)} class folders of split '{split}', 2 or more needed; {remedy(CARD)}")
    return visible


def _pictures(folder: Path, classes: list[str], split: str) -> list[Source]:
    sources: list[Source] = []
    for name in classes:
        pictures = listed(folder / name, EXTENSIONS).pictures
        if not pictures:
            raise UserError(f"{folder / name}: class without a picture (split '{split}'); {remedy(CARD)}")
        sources += [Source(of_class(name, file.stem), file, CARD.licence, group=name) for file in pictures]
    require_unique(sources, split)
    return sources


DATASET: Dataset = Imagenet()
