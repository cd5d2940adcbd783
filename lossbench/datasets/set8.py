"""Set8: four clips of Derf's collection and four of a GoPro camera, the second test set of video denoisers."""

from collections.abc import Iterator
from pathlib import Path

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._clips import ClipSet, Frame, numbered
from lossbench.datasets._tree import base, remedy, require_folder
from lossbench.errors import UserError
from lossbench.formats.video import EXTENSIONS

CARD = card("set8")

DERF = ("park_joy", "sunflower", "touchdown", "tractor")
GOPRO = ("hypersmooth", "motorbike", "rafting", "snowboard")

LARGEST = (540, 960)
"""Height and width to which all eight are reduced before noise is added; the originals have twice and more."""


class Set8(ClipSet):
    """Set8 as folders of frames or as video files, side by side or sorted by where they come from."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the eight clips below `root`, `root/Set8` or `root/set8` as the split test; train and val are empty.

        A clip is a folder of frames with its name, or a video file called so, there or in a sub-folder that is
        not hidden. Raises UserError naming the clip that is missing, that is there twice, or whose folder holds no
        frame or lacks one in the middle.
        """
        top = require_folder(base(root, CARD, "Set8", "set8"), "test", CARD)
        others = (path for path in top.iterdir() if path.is_dir() and path.name not in (*DERF, *GOPRO))
        places = [top, *sorted(path for path in others if not path.name.startswith((".", "__MACOSX")))]
        return {"train": [], "val": [], "test": [self._clip(name, places) for name in sorted((*DERF, *GOPRO))]}

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give the frames of a clip; raises UserError naming it also when it is larger than `LARGEST`."""
        for frame in super().frames(source):
            height, width = frame.shape[:2]
            if height > LARGEST[0] or width > LARGEST[1]:
                raise UserError(
                    f"{source.path}: {height} x {width} pixels (height x width) where at most {LARGEST[0]} x"
                    f" {LARGEST[1]} are published; reduce the clip, as the published numbers are of reduced ones"
                )
            yield frame

    def _clip(self, name: str, places: list[Path]) -> Source:
        found = [place / name for place in places if (place / name).is_dir()]
        found += [
            path
            for place in places
            for path in sorted(place.glob(f"{name}.*"))
            if path.suffix.lower() in EXTENSIONS and path.is_file()
        ]
        if len(found) > 1:
            raise UserError(f"{found[0]} and {found[1]} (split test) are both '{name}'; remove one")
        if not found:
            raise UserError(f"{places[0] / name}: clip of split 'test' of data set 'set8' is missing; {remedy(CARD)}")
        if found[0].is_dir():
            numbered(self.files(found[0]), found[0], "test", CARD, start=None)
        return Source(name, found[0], CARD.licence)


DATASET: Dataset = Set8()
