"""DRV, dark raw video: 202 still scenes, each filmed in the dark and photographed with a long exposure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossbench.assets import contents
from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._archives import fetch_folders
from lossbench.datasets._clips import ClipSet, Frame, alike
from lossbench.datasets._tree import base, read_list, remedy, require_apart, require_folder
from lossbench.errors import UserError
from lossbench.formats.bayer import read_raw
from lossbench.formats.beginning import beginning, unreadable
from lossbench.formats.listing import is_there, listed
from lossbench.images import read_picture
from lossbench.names import natural_path

CARD = card("drv")

SCENES = 202
HELD_OUT: Mapping[str, tuple[int, ...]] = {
    "val": (
        *(4, 18, 24, 31, 45, 53, 54, 55, 56, 57, 58, 79, 89, 97, 108, 109, 110, 112, 131, 136, 140, 158, 159, 193),
    ),
    "test": (
        *(7, 9, 10, 12, 13, 20, 36, 37, 39, 47, 48, 49, 50, 51, 52, 65, 66, 75, 76, 78, 83, 88, 91, 92, 99, 103, 104),
        *(105, 106, 107, 129, 139, 145, 147, 151, 153, 154, 157, 166, 167, 169, 170, 172, 175, 177, 180, 181, 191, 196),
    ),
}
"""Scenes of the published lists; all others are trained on."""
TRUTH = "half0001"
"""How the names begin of the long exposures that are of the size of the short ones."""


class Layout(NamedTuple):
    """One of the forms in which the scenes are published, a folder a scene in each of two folders."""

    long: str
    short: str
    extensions: Collection[str]
    """Of the short exposures."""


LAYOUTS = (
    Layout("long", "VBM4D_rawRGB", (".png",)),
    Layout("SMID_Long_np", "SMID_LQ_np", (".npy",)),
    Layout("long", "short", (".arw",)),
)
"""As it was first published; converted to sRGB of eight bits by others; and the camera's own files."""


class Drv(ClipSet):
    """DRV in any of its `LAYOUTS`."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the long exposures below `root` (or `root/DRV`): 129 train, 24 val, 49 test stills.

        Each is the target of all frames of its scene. The split is that of `train_list.txt`, `val_list.txt` and
        `test_list.txt` beside the folders where those are, else the same one as published. Raises UserError naming the
        split and the folder or exposure, long or short, that is missing, a scene that is listed twice, and an archive
        that is still to be unpacked.
        """
        top, layout = _layout(root)
        found: Splits = {}
        for split, scenes in _scenes(top).items():
            for scene in scenes:
                # without it the long one is of no use
                self._frames(top, layout, scene, split)
            found[split] = [Source(scene, _truth(top / layout.long / scene, split), CARD.licence) for scene in scenes]
        return found

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the short exposures of `locate` for `video_enhancement`; None for what the set does not ship.

        The camera's own files are taken where there are no others.
        """
        if task != "video_enhancement" or scale != 1:
            return None
        top, layout = _layout(root)
        return {
            split: [Source(scene, self._frames(top, layout, scene, split), CARD.licence) for scene in scenes]
            for split, scenes in _scenes(top).items()
        }

    def fetch(self, root: Path) -> None:
        """Download the long and the processed short exposures into `root`; raises UserError as `fetch_folders`."""
        fetch_folders(CARD.archives, root, ("long", "VBM4D_rawRGB"), "DRV.partial")

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give the one frame of a long exposure, (H, W, 3) of uint16, or of uint8 in the converted form."""
        return iter([_read(source.path)])

    def frames_low_quality(self, source: Source) -> Iterator[Frame]:
        """Give the frames of a scene in the dark one by one, as `frames`; raises UserError as `ClipSet.frames`."""
        return alike((path, _read(path)) for path in _exposures(source.path, self._extensions(source.path)))

    def _frames(self, top: Path, layout: Layout, scene: str, split: str) -> Path:
        folder = require_folder(top / layout.short / scene, split, CARD)
        if not _exposures(folder, layout.extensions):
            raise UserError(f"{folder}: no short exposure of split '{split}' of data set 'drv'; {remedy(CARD)}")
        return folder

    @staticmethod
    def _extensions(folder: Path) -> Collection[str]:
        return next(layout.extensions for layout in LAYOUTS if layout.short == folder.parent.name)


def _layout(root: Path | None) -> tuple[Path, Layout]:
    top = base(root, CARD, "DRV", "SMID")
    for layout in LAYOUTS:
        if is_there(top / layout.long) and is_there(top / layout.short):
            return top, layout
    for archive in ("long.zip", "VBM4D_rawRGB.zip", "SMID_Long_np.zip", "short1.zip"):
        if is_there(top / archive):
            raise UserError(f"{top / archive} is still packed (splits train, val and test); unpack it there")
    missing = next((each for each in (LAYOUTS[0].long, LAYOUTS[0].short) if not is_there(top / each)), "long")
    raise UserError(f"{top / missing}: folder of splits 'train', 'val' and 'test' is missing; {remedy(CARD)}")


def _scenes(top: Path) -> dict[str, list[str]]:
    """Return the names of the scenes of each split, sorted."""
    lists = {split: top / f"{split}_list.txt" for split in ("train", "val", "test")}
    # one alone would leave the others as published
    if any(is_there(path) for path in lists.values()):
        given = {split: sorted(read_list(path, split, CARD)) for split, path in lists.items()}
        for split, scenes in given.items():
            if not scenes:
                raise UserError(f"{lists[split]}: no scene of split '{split}'; name some, or remove all three lists")
        require_apart(given, top)
        return given
    held_out = {scene for scenes in HELD_OUT.values() for scene in scenes}
    train = [scene for scene in range(1, SCENES + 1) if scene not in held_out]
    numbers: dict[str, Iterable[int]] = {"train": train, **HELD_OUT}
    return {split: [f"{number:04d}" for number in scenes] for split, scenes in numbers.items()}


def _truth(folder: Path, split: str) -> Path:
    """Return the long exposure in `folder`: that of the size of the short ones, or the array that it was made to."""
    found = listed(require_folder(folder, split, CARD), (".png", ".npy"), said=False).pictures
    fitting = [
        path for path in found if path.name.startswith(TRUTH) or (path.suffix == ".npy" and "half" not in path.name)
    ]
    if len(fitting) > 1:
        raise UserError(f"{fitting[0]} and {fitting[1].name} (split {split}) are both long exposures; remove one")
    if not fitting:
        raise UserError(f"{folder}: no long exposure {TRUTH}*.png of split '{split}' of data set 'drv'; {remedy(CARD)}")
    return fitting[0]


def _exposures(folder: Path, extensions: Collection[str]) -> list[Path]:
    return sorted(listed(folder, extensions, said=False).pictures, key=natural_path)


def _read(path: Path) -> Frame:
    if path.suffix.lower() == ".arw":
        return read_raw(path)
    if path.suffix.lower() == ".npy":
        return _array(path)
    picture = read_picture(path)
    if picture.pixels.shape[-1] != 3 or picture.white != 65535:
        raise UserError(f"{path}: RGB of 16 bits is published, this is another picture; get the file again")
    return picture.pixels


def _array(path: Path) -> NDArray[np.uint8]:
    """Return the array at `path`, whose bands are stored as blue, green and red, as (H, W, 3) RGB."""
    beginning(path, "a readable array")
    try:
        stored: NDArray[Any] = np.load(path, allow_pickle=False)
    except PermissionError:
        raise UserError(f"{path} is {contents.CLOSED}") from None
    except (OSError, EOFError, ValueError) as error:
        raise unreadable(path, error, "a readable array") from None
    if stored.ndim != 3 or stored.shape[-1] != 3 or stored.dtype != np.uint8 or not stored.size:
        raise UserError(f"{path}: {stored.dtype} {stored.shape} where uint8 (H, W, 3) is published; get it again")
    return np.ascontiguousarray(stored[..., ::-1])


DATASET: Dataset = Drv()
