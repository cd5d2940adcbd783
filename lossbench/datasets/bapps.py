"""BAPPS: patches with two variants each, and how many people found the second one closer to the original."""

import os
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.datasets import Dataset, Judged, Source, Splits, card
from lossbench.datasets._tree import base, remedy, require_file, require_folder
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.names import of_class

CARD = card("bapps")

FOLDERS = {"train": "train", "test": "val"}
SETS = {
    "train": ("traditional", "cnn", "mix"),
    "test": ("traditional", "cnn", "superres", "deblur", "color", "frameinterp"),
}
"""Published sets of each split; the last four show real algorithms that nothing is trained on."""
REFERENCE, VARIANTS, JUDGEMENT = "ref", ("p0", "p1"), "judge"
PARTS = {REFERENCE: ".png", **dict.fromkeys(VARIANTS, ".png"), JUDGEMENT: ".npy"}
"""Folder and extension of a triplet's four files, which have one name."""


class Bapps(Dataset, Judged):
    """BAPPS in its published folders."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the originals below `root` (or its `2afc`) as `<set>-<number>`; what BAPPS calls val is the test.

        No file is opened. Raises UserError naming the split and a missing folder, an empty set, or the file that a
        triplet lacks.
        """
        top = base(root, CARD, "2afc", "dataset/2afc")
        found: Splits = {"train": [], "val": [], "test": []}
        for split, sets in SETS.items():
            for name in sets:
                folder = top / FOLDERS[split] / name
                found[split] += [
                    Source(of_class(name, number), folder / REFERENCE / f"{number}.png", CARD.licence, group=name)
                    for number in _numbers(folder, split)
                ]
        return found

    def read_triplet(self, source: Source, side: int) -> tuple[list[NDArray[np.uint8]], float]:
        """Return the original and both variants, (side, side, 3) uint8, and the share of people who chose the second.

        Larger patches are reduced as LPIPS's own reader reduces them, by Pillow's bilinear filter. Raises UserError
        naming the file when one is missing or damaged, is not square or smaller than `side`, has another size than the
        original, or holds no share between 0 and 1.
        """
        paths = {part: source.path.parents[1] / part / f"{source.path.stem}{end}" for part, end in PARTS.items()}
        judgement = _share(paths.pop(JUDGEMENT))
        patches = {path: read_image(path) for path in paths.values()}
        size = patches[source.path].shape[:2]
        for path, patch in patches.items():
            height, width = patch.shape[:2]
            if height != width or height < side or (height, width) != size:
                raise UserError(
                    f"{path}: {height} x {width} pixels (height x width), its original {size[0]} x {size[1]};"
                    f" both must be equal, square and at least {side}: get the set again"
                )
        return [_reduced(patch, side) for patch in patches.values()], judgement


def _numbers(folder: Path, split: str) -> list[str]:
    """Return the sorted names of the triplets of one set; each has its four files."""
    # names only: a path object for each of 600,000 files would take seconds
    listed = {
        part: {
            name.removesuffix(end) for name in os.listdir(require_folder(folder / part, split, CARD)) if _is(name, end)
        }
        for part, end in PARTS.items()
    }
    every = set.union(*listed.values())
    if not every:
        raise UserError(f"{folder}: no triplet of split '{split}' of data set '{CARD.name}'; {remedy(CARD)}")
    for part, end in PARTS.items():
        if lacking := every - listed[part]:
            require_file(folder / part / f"{min(lacking)}{end}", split, CARD)
    return sorted(every)


def _is(name: str, extension: str) -> bool:
    return name.endswith(extension) and not name.startswith(".")


def _share(path: Path) -> float:
    try:
        stored = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except (OSError, EOFError, ValueError, SyntaxError, TokenError, MemoryError) as error:
        raise UserError(f"{path} is no whole array ({error}); get the file again") from None
    if not isinstance(stored, np.ndarray) or stored.size != 1 or stored.dtype.kind not in "fiu":
        raise UserError(f"{path}: one number is expected, the share of people who chose p1; get the file again")
    share = float(stored.item())
    if not 0 <= share <= 1:
        raise UserError(f"{path}: {share} is no share of people between 0 and 1; get the file again")
    return share


def _reduced(patch: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if patch.shape[0] == side:
        return patch
    return np.asarray(Image.fromarray(patch).resize((side, side), Image.Resampling.BILINEAR))


DATASET: Dataset = Bapps()
