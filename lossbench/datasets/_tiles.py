"""The two layouts in which reduced pan-sharpening sets are passed on: folders of tiles, and PanCollection's stacks."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Card, Dataset, Source, Splits, _satellite
from lossbench.datasets._tree import base, remedy
from lossbench.errors import UserError
from lossbench.formats.listing import listed
from lossbench.images import read_tiff
from lossbench.names import natural_path
from lossbench.statistics.neighbours import on_a_square

SIDE = 128
"""Height and width of a tile, MS and PAN alike: the PAN is already reduced."""

FOLDERS = {"train": "train128", "test": "test128"}
STACKS = {"train": "train", "val": "valid", "test": "test"}
TILES = (".tif", ".tiff")


@dataclass(kw_only=True)
class TileSet(Dataset):
    """Reduced tiles of one sensor: four bands to sharpen, and a panchromatic picture (PAN) of the same size."""

    card: Card
    tiles: str
    """Folder of the tiles, below the root."""
    bits: int
    """Of a value that is not stored as 8 bit."""

    def locate(self, root: Path | None) -> Splits:
        """Return the MS pictures below `root`; the published tiles have no val.

        A folder of tiles goes before stacks. Raises UserError naming split and file: the first folder, file or PAN that
        is missing, and the first stack whose MS and PAN do not fit together.
        """
        top, card = base(root, self.card), self.card
        if (top / self.tiles).is_dir():
            found = {split: _tiles(top / self.tiles / name, split, card) for split, name in FOLDERS.items()}
            return {"train": found["train"], "val": [], "test": found["test"]}
        if any(top.glob("*.h5")):
            return {split: _stack(top, split, prefix, card) for split, prefix in STACKS.items()}
        raise UserError(f"{top / self.tiles}: folder of data set '{self.card.name}' is missing; {remedy(card)}")

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the PAN of each picture of `locate`, or None for another task than pan-sharpening."""
        if task != "pan_sharpening":
            return None
        return {
            split: [Source(item.name, _partner(item.path), item.licence) for item in sources]
            for split, sources in self.locate(root).items()
        }

    def read(self, source: Source) -> NDArray[Any]:
        """Return the bands blue, green, red, near infrared (H, W, 4): uint8, or uint16 stretched to its whole range.

        Raises UserError naming the file: damaged, of another size or number of bands, values beyond the sensor's bits,
        or of another bit depth than the set's first tile.
        """
        return _satellite.four_bands(self._read(source, "ms"), source.path)

    def read_low_quality(self, source: Source) -> NDArray[Any]:
        """Return the PAN (H, W, 1) of the same type as `read`; raises UserError as that does."""
        pixels = self._read(source, "pan")
        if pixels.shape[-1] != 1:
            raise UserError(f"{source.path}: {pixels.shape[-1]} bands; a panchromatic picture has 1")
        return pixels

    def _read(self, source: Source, role: str) -> NDArray[Any]:
        if source.path.suffix == ".h5":
            stored = _satellite.read_stack(source.path, role, int(source.name))
            return _satellite.stretched(stored, self.bits, source.path)
        pixels = _tile(source.path, role)
        if pixels.shape[:2] != (SIDE, SIDE):
            raise UserError(f"{source.path}: {pixels.shape[0]} x {pixels.shape[1]} pixels; a tile has {SIDE} x {SIDE}")
        # a MATLAB tile lies in the folder of its split, others in ms or pan below it
        first = _first(source.path.parents[2 if source.path.suffix.lower() in TILES else 1])
        depth, expected = _depth(pixels), _depth(_first_tile(first))
        if depth != expected:
            raise UserError(f"{source.path}: {depth} values, {first} has {expected}; keep one bit depth in a set")
        return _satellite.stretched(pixels, self.bits, source.path)


def _tile(path: Path, role: str) -> NDArray[Any]:
    return read_tiff(path) if path.suffix.lower() in TILES else _satellite.read_mat(path, role)


def _depth(pixels: NDArray[Any]) -> str:
    # MATLAB files often hold 11-bit values as double
    return "8-bit" if pixels.dtype == np.uint8 else "higher than 8-bit"


@lru_cache(maxsize=8)
def _first(folder: Path) -> Path:
    """Return the first training tile of the set in `folder`."""
    train = folder / FOLDERS["train"]
    return min((*_files(train, (".mat",)), *_files(train / "ms", TILES)))


@lru_cache(maxsize=8)
def _first_tile(path: Path) -> NDArray[Any]:
    return _tile(path, "ms")


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return listed(folder, suffixes).pictures if folder.is_dir() else []


def _tiles(folder: Path, split: str, card: Card) -> list[Source]:
    single = _files(folder, (".mat",))
    if single:
        return _laid_out(single, card)
    for role in ("ms", "pan"):
        if not (folder / role).is_dir():
            raise UserError(f"{folder / role}: folder of split '{split}' is missing; {remedy(card)}")
    ms, pan = ({path.name: path for path in _files(folder / role, TILES)} for role in ("ms", "pan"))
    if not ms:
        raise UserError(f"{folder / 'ms'}: no tile for split '{split}'; {remedy(card)}")
    for name in sorted(ms.keys() ^ pan.keys()):
        path, other = (ms[name], "pan") if name in ms else (pan[name], "ms")
        raise UserError(
            f"{path} (split {split}) has no partner '{name}' in {folder / other}; add it or remove this file"
        )
    return _laid_out(ms.values(), card)


def _laid_out(paths: Collection[Path], card: Card) -> list[Source]:
    """Return the tiles sorted by name; nobody published where they lie, so their numbers are taken to say it."""
    in_order = sorted(paths, key=natural_path)
    places = zip(in_order, on_a_square(len(in_order)), strict=True)
    found = [Source(path.stem, path, card.licence, place=place) for path, place in places]
    return sorted(found, key=lambda source: source.name)


def _partner(path: Path) -> Path:
    """Return where the PAN of the MS at `path` lies: in the same file, or in the neighbouring folder."""
    return path.parents[1] / "pan" / path.name if path.suffix.lower() in TILES else path


def _stack(root: Path, split: str, prefix: str, card: Card) -> list[Source]:
    # files of original resolution have no ground truth
    found = sorted(path for path in root.glob(f"{prefix}*.h5") if "OrigScale" not in path.name)
    if not found and split == "val":
        return []
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(f"{root / prefix}*.h5: one file of split '{split}' is expected, found {names}; {remedy(card)}")
    ms, pan = (_satellite.stack_shape(found[0], role) for role in ("ms", "pan"))
    if len(ms) != 4 or pan != (ms[0], 1, *ms[2:]):
        raise UserError(
            f"{found[0]} (split {split}): gt {ms} and pan {pan} do not fit; give N x bands x H x W of one size"
        )
    places = on_a_square(ms[0])
    return [Source(f"{index:06d}", found[0], card.licence, place=place) for index, place in enumerate(places)]
