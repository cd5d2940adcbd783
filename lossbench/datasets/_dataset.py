"""What a data set is to whom reads it, and what some can do beside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lossbench.datasets._card import Card, Source, Splits
from lossbench.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Dataset(Protocol):
    """Pictures by split; a plugin's file names its one object `DATASET`.

    What has a body holds for 8-bit RGB pictures, whose low-quality partners a task makes.
    """

    card: Card
    """Its entry of `cards.toml`, `datasets.card(name)`: a plan reads it without the plugin."""

    @abstractmethod
    def locate(self, root: Path | None) -> Splits:
        """Return the targets below `root` by split; a data set that ships inside packages ignores `root`.

        Raises UserError naming the split and the first file that is missing or not the published one.
        """

    def read(self, source: Source) -> NDArray[Any]:
        """Return a target (H, W, bands) or clip (T, H, W, bands), integers whose largest value stands for 1.

        Raises UserError naming the file when it is missing, damaged or not what is published.
        """
        return _read_rgb(source)

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the partners of `locate` that the set ships for `task` by `scale`, by the names of their targets.

        None for what it does not ship. Raises UserError as `locate`.
        """
        return None

    def read_low_quality(self, source: Source) -> NDArray[Any]:
        """Return a partner, integers of full range; raises UserError as `read`."""
        return _read_rgb(source)

    def fetch(self, root: Path) -> None:
        """Download the whole set to `root`, checked; raises UserError when a program can't."""
        raise UserError(f"data set '{self.card.name}' can't be fetched by a program; get it: {self.card.where}")


@runtime_checkable
class Streamed(Protocol):
    """A data set of clips, which come frame by frame so that none is held whole."""

    def frames(self, source: Source) -> Iterator[NDArray[Any]]:
        """Give the frames (H, W, bands) of a target, all of one size; raises UserError as `Dataset.read`.

        One frame alone is a still: the target of every frame of its partner.
        """
        ...

    def frames_low_quality(self, source: Source) -> Iterator[NDArray[Any]]:
        """Give the frames of a partner, as `frames`."""
        ...


@runtime_checkable
class Labelled(Protocol):
    """A data set that knows the class of a picture by another rule than its place among the classes' sorted names."""

    def label(self, group: str) -> int:
        """Return the number of the class `group` of a source."""
        ...


@runtime_checkable
class Judged(Protocol):
    """Pictures of which people said which of two variants is closer."""

    def read_triplet(self, source: Source, side: int) -> tuple[Sequence[NDArray[np.uint8]], float]:
        """Return the original and both variants, (side, side, 3) each, and the share of people who chose the second.

        Raises UserError naming the file that is missing, damaged or of another size.
        """
        ...


@runtime_checkable
class ScoredByServer(Protocol):
    """Noisy pictures whose ground truth only a server has: crops of them are restored and sent there."""

    @property
    def images(self) -> int:
        """The number of pictures, which count from 1."""
        ...

    def boxes(self, root: Path) -> NDArray[np.int64]:
        """Return top, left, bottom, right of the crops, (images, crops, 4); raises UserError naming a damaged file."""
        ...

    def crops(self, root: Path, image: int, boxes: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
        """Give the crops (H, W, 3) in [0, 1] of picture `image` of its `boxes` (crops, 4); raises UserError as they."""
        ...


def _read_rgb(source: Source) -> NDArray[Any]:
    # planning imports the contract, and no array
    from lossbench.images import read_image

    return read_image(source.path)
