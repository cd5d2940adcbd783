"""Folders `low` and `high` with the same names: the layout of the photographed low-light sets."""

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Card, Dataset, Source, Splits
from lossbench.datasets._published import read_colour
from lossbench.datasets._tree import pictures
from lossbench.errors import UserError
from lossbench.names import lookalike


@dataclass(frozen=True)
class Pair:
    """One scene, photographed twice."""

    name: str
    high: Path
    """Exposed normally: the target."""
    low: Path
    """Exposed too short: the low-quality partner."""


def pairs_of(folder: Path, split: str, card: Card, extensions: Collection[str]) -> list[Pair]:
    """Return the pairs of `folder/{low,high}`, sorted by name.

    Raises UserError naming the split and a missing folder, a file without partner, or two files of one name.
    """
    low, high = (pictures(folder / side, split, card, extensions) for side in ("low", "high"))
    for ours, theirs, other in ((high, low, folder / "low"), (low, high, folder / "high")):
        for name in ours:
            if name not in theirs:
                raise UserError(
                    f"{ours[name]} (split {split}) has no partner '{name}' in {other}; get the set again"
                    f"{lookalike(name, theirs)}"
                )
    return [Pair(name, high[name], low[name]) for name in high]


class LowLightSet(Dataset):
    """Scenes that were photographed underexposed and well exposed."""

    size: tuple[int, int] | None = None
    """Published height and width, where all pictures have one."""

    @abstractmethod
    def pairs(self, root: Path | None) -> dict[str, list[Pair]]:
        """Return the pairs below `root` by split; raises UserError as `locate`."""

    def locate(self, root: Path | None) -> Splits:
        """Return the well exposed pictures of `pairs`.

        Raises UserError naming the split and the folder, the picture without partner or the wrong number of pictures.
        """
        return {
            split: [Source(pair.name, pair.high, self.card.licence) for pair in found]
            for split, found in self.pairs(root).items()
        }

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the underexposed partners of `locate` for `enhancement`; None for what the set does not ship."""
        if task != "enhancement" or scale != 1:
            return None
        return {
            split: [Source(pair.name, pair.low, self.card.licence) for pair in found]
            for split, found in self.pairs(root).items()
        }

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8; raises UserError naming a file that is damaged or has another size or bands."""
        return read_colour(source.path, self.size)

    read_low_quality = read
