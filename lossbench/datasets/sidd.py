"""SIDD: 320 pairs of smartphone pictures with real noise, and 1,280 validation blocks."""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._matlab import read_variable
from lossbench.datasets._published import read_colour
from lossbench.datasets._tree import base, require_count, require_file, require_folder
from lossbench.errors import UserError

CARD = card("sidd")

PAIRS = 320
"""Training pairs: two of each of 160 scene instances."""

BLOCKS = (40, 32, 256, 256, 3)
"""Validation: pictures, blocks a picture, height, width, bands."""

VALIDATION = {"GT": "ValidationGtBlocksSrgb", "NOISY": "ValidationNoisyBlocksSrgb"}
"""Name of the MATLAB file, and of the array in it, by kind."""

_PICTURE = re.compile(r"(?P<instance>\d{4})_(?P<kind>GT|NOISY)_SRGB_(?P<shot>\d{3})\.png", re.IGNORECASE)


class Sidd(Dataset):
    """SIDD-Medium and its validation blocks in their published files."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the ground truth below `root`: 320 train pictures, no val, 1,280 test blocks `PICTURE_BLOCK`.

        The blocks of one of the 40 pictures count as one in statistics.

        The test split is what SIDD calls validation; its benchmark has no public ground truth. Nothing is held out for
        val: all recipes train on all 320 pairs, and since the instances show ten scenes only (second field of a
        folder's name), pairs held out at random would show scenes that are trained on. Raises UserError naming the
        split and the folder or file that is missing, the picture without partner or the wrong number of pictures.
        """
        return _sources(root, "GT")

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the noisy partners of `locate` for `denoising`; None for what the set does not ship."""
        if task != "denoising" or scale != 1:
            return None
        return _sources(root, "NOISY")

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8: a whole training picture, or one validation block of 256 x 256.

        Raises UserError naming the file when it is missing or damaged or has another shape, depth or variable name.
        """
        if source.path.suffix != ".mat":
            return read_colour(source.path)
        blocks = _blocks(source.path)
        assert source.picture is not None and source.part is not None
        pixels: NDArray[np.uint8] = blocks[int(source.picture) - 1, source.part]
        return pixels

    read_low_quality = read


@lru_cache(maxsize=2)
def _blocks(path: Path) -> NDArray[np.uint8]:
    """Return all blocks of a validation file, 252 MB, decoded once for its 1,280 sources."""
    blocks = read_variable(path, path.stem)
    if blocks.shape != BLOCKS or blocks.dtype != np.uint8:
        raise UserError(f"{path}: {blocks.dtype} {blocks.shape} where uint8 {BLOCKS} is published; get the file again")
    # kept for later calls, which must find it as it was
    blocks.setflags(write=False)
    return blocks


def _sources(root: Path | None, kind: str) -> Splits:
    top = base(root, CARD)
    data = base(root, CARD, "SIDD_Medium_Srgb") / "Data"
    found = _pictures(require_folder(data, "train", CARD))
    require_count(len(found["GT"]), PAIRS, data, "train", CARD)
    train = [Source(name, path, CARD.licence) for name, path in sorted(found[kind].items())]
    # both files are looked for, since either is useless alone
    files = {kind: require_file(top / f"{stem}.mat", "test", CARD) for kind, stem in VALIDATION.items()}
    test = [
        Source(f"{picture}_{block:02d}", files[kind], CARD.licence, picture=picture, part=block)
        for picture in (f"{number:04d}" for number in range(1, BLOCKS[0] + 1))
        for block in range(BLOCKS[1])
    ]
    return {"train": train, "val": [], "test": test}


def _pictures(data: Path) -> dict[str, dict[str, Path]]:
    """Return the training pictures by kind and by `INSTANCE_SHOT`; each has its partner."""
    found: dict[str, dict[str, Path]] = {kind: {} for kind in VALIDATION}
    for path in sorted(data.glob("*/*")):
        if matched := _PICTURE.fullmatch(path.name):
            found[matched["kind"].upper()][f"{matched['instance']}_{matched['shot']}"] = path
    for kind, other in (("GT", "NOISY"), ("NOISY", "GT")):
        for name, path in found[kind].items():
            if name not in found[other]:
                raise UserError(f"{path} (split train) has no {other} partner beside it; get the set again")
    return found


DATASET: Dataset = Sidd()
