"""Real WorldView scenes with real PAN, of a package that only those install who accept its licence."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets import embedded
from lossbench.datasets import Card, Dataset, Source, Splits, _satellite, _scene
from lossbench.errors import UserError
from lossbench.images import read_tiff

PACKAGE = "dgsamples"
RATIO = 4
BITS = 11


@dataclass(kw_only=True)
class WorldViewScene(Dataset):
    """One place as one satellite saw it, cut into pictures."""

    card: Card
    ms: str
    """Embedded path of the eight bands."""
    pan: str
    """Embedded path of the PAN, four times finer."""

    def locate(self, root: Path | None) -> Splits:
        """Return 1 train, 2 val and 8 test pictures of the scene; `root` is ignored.

        Raises UserError when the package is not installed, or a file's SHA-256 is not the catalogued one.
        """
        return self._located(self.ms)

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the PAN of every picture of `locate`, four times finer; None for other tasks than pan-sharpening."""
        return self._located(self.pan) if task == "pan_sharpening" else None

    def read(self, source: Source) -> NDArray[Any]:
        """Return the part `source` of the bands (H, W, 4), uint16 of the whole range.

        Raises UserError for a damaged file, values that are not 11-bit, and MS and PAN that do not fit together.
        """
        ms, _ = self._valid()
        return _scene.cut(ms, source.name, _scene.small_scene(*ms.shape[:2]))

    def read_low_quality(self, source: Source) -> NDArray[Any]:
        """Return the PAN (4 H, 4 W, 1) of a part, uint16 of the whole range; raises UserError as `read`."""
        ms, pan = self._valid()
        return _scene.cut(pan, source.name, _scene.small_scene(*ms.shape[:2]), RATIO)

    def _located(self, file: str) -> Splits:
        try:
            distribution(PACKAGE)
        except PackageNotFoundError:
            raise UserError(
                f"package {PACKAGE} is not installed; run: {self.card.where}: {self.card.licence}"
            ) from None
        paths = {path: embedded.locate(path) for path in (self.ms, self.pan)}
        digest = embedded.catalogue()[file].sha256
        # sizes do not matter for the names
        return _scene.sources(Source("", paths[file], self.card.licence, digest), _scene.small_scene(100, 100))

    def _valid(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _valid(embedded.locate(self.ms), embedded.locate(self.pan))


@cache
def _valid(ms_path: Path, pan_path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return bands and PAN without their black border: the largest rectangle that trimming the worst side leaves."""
    stored, pan = read_tiff(ms_path), read_tiff(pan_path)
    ms = _satellite.four_bands(stored, ms_path)
    height, width = ms.shape[:2]
    if pan.shape != (height * RATIO, width * RATIO, 1):
        raise UserError(f"{pan_path}: shape {pan.shape} is not {RATIO} times the {height} x {width} of {ms_path}")
    pan_seen = (pan > 0).reshape(height, RATIO, width, RATIO).all(axis=(1, 3))
    seen: NDArray[np.bool_] = np.logical_and(pan_seen, stored.any(axis=-1))
    top, bottom, left, right = _inside(seen)
    ms = ms[top:bottom, left:right]
    pan = pan[top * RATIO : bottom * RATIO, left * RATIO : right * RATIO]
    return _satellite.stretched(ms, BITS, ms_path), _satellite.stretched(pan, BITS, pan_path)


def _inside(seen: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the part whose outermost rows and columns hold no unseen pixel."""
    top, left = 0, 0
    bottom, right = seen.shape
    while top < bottom and left < right:
        inside = seen[top:bottom, left:right]
        sides = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
        unseen = [float(np.mean(~side)) for side in sides]
        worst = int(np.argmax(unseen))
        if unseen[worst] == 0:
            break
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return top, bottom, left, right
