"""e-VDS, the e-Lab Video Data Set: some 2,050 clips of everyday objects in normal light, which a task darkens."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._clips import ClipSet, Frame, reduced
from lossbench.datasets._tree import base, remedy, require_folder, require_unique
from lossbench.errors import UserError
from lossbench.formats.listing import listed
from lossbench.formats.video import EXTENSIONS
from lossbench.names import of_class

CARD = card("evds")

SEED = "lossbench"
"""Another seed draws another split."""
TEST_SHARE = 0.1
"""Of all clips, at least one of them; no split is published."""

FRAMES = 85
"""Frames of a clip at most, the first ones: as many as the video tables score.

With `SHORT_SIDE` all clips take some 54 GB when prepared; lower numbers suit a small disk.
"""
SHORT_SIDE = 240
"""Pixels to which the shorter side of larger frames is brought, which hides the traces of compression."""


class Evds(ClipSet):
    """Video files in one folder a class."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the clips `<class>/<clip>` below `root` (or `root/e-VDS`) as `<class>-<clip>`: train, no val, test.

        `split_names` divides them. Folders may be nested; hidden ones, and links to one that was looked into are passed
        over, and no video is opened. Raises UserError naming a missing folder, two clips of one name, or a folder of
        fewer than two videos.
        """
        top = require_folder(base(root, CARD, "e-VDS", "eVDS"), "train", CARD)
        clips = {clip.name: clip for clip in _unique([_clip(path, top) for path in _videos(top, set())])}
        if len(clips) < 2:
            raise UserError(f"{top}: {len(clips)} videos of splits 'train' and 'test', 2 are needed; {remedy(CARD)}")
        return {split: [clips[name] for name in names] for split, names in split_names(clips).items()}

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give the first `FRAMES` frames of a clip in 8 bits, reduced to `SHORT_SIDE`."""
        return islice(reduced(super().frames(source), SHORT_SIDE), FRAMES)


def split_names(names: Iterable[str]) -> dict[str, list[str]]:
    """Divide the clips' names into train and test, both sorted, in the order of the SHA-256 of `SEED/name`."""
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{SEED}/{name}".encode()).hexdigest())
    held_out = max(1, round(TEST_SHARE * len(drawn)))
    return {"train": sorted(drawn[held_out:]), "val": [], "test": sorted(drawn[:held_out])}


def _videos(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Give the videos in `folder` and below, each folder once: links may lead back to one that was `seen`."""
    if (real := folder.resolve()) in seen:
        return
    seen.add(real)
    found = listed(folder, EXTENSIONS, said=False)
    yield from found.pictures
    for name in found.folders:
        yield from _videos(folder / name, seen)


def _clip(path: Path, top: Path) -> Source:
    folders = path.relative_to(top).parts[:-1]
    name = of_class("-".join(folders), path.stem) if folders else path.stem
    return Source(name, path, CARD.licence, group=folders[0] if folders else None)


def _unique(clips: list[Source]) -> list[Source]:
    require_unique(clips, "train or test")
    return clips


DATASET: Dataset = Evds()
