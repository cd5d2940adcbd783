"""Prepared data on disk: one memory-mapped array of pixels a role, and a card that says what lies where.

A folder holds `<role>.npy` (flat, all items one after another) and `<role>.json` (the card). Items may differ in size
and have any shape that ends in bands: (H, W, C) for pictures, (T, H, W, C) for clips.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.files import write_text, written_atomically


@dataclass(frozen=True)
class Item:
    """One picture or clip of a prepared data set."""

    name: str
    split: str
    shape: tuple[int, ...]
    """(..., H, W, C)."""
    offset: int
    """Position of the first value in the flat array."""
    origin: str
    """The file that it was read from, or how it was made."""
    licence: str
    picture: str | None = None
    """What it is a crop of; None for a whole picture."""
    target: str | None = None
    """Of a further degraded version: the name of its target; None where that has the same name."""
    group: str | None = None
    """The class that it shows, in a labelled set."""
    place: tuple[int, int] | None = None
    """Row and column of a tile in its scene, counted in tiles; neighbours resemble each other."""
    grey: bool = False
    """Whether its three bands are the one of a grey file, which a metric takes as luma."""

    @property
    def unit(self) -> str:
        """The picture that it counts for in statistics."""
        return self.picture or self.name


class Arrays:
    """Read access to one role of a prepared data set; nothing is decoded or copied."""

    def __init__(self, card: Path) -> None:
        """Open the data of the file `card`; raises UserError when card and array do not fit each other."""
        folder, data_path = card.parent, card.with_suffix(".npy")
        try:
            self.card: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
            self.data: NDArray[Any] = np.load(data_path, mmap_mode="r", allow_pickle=False)
            self.items = [_item(entry) for entry in self.card["items"]]
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder}: prepared data are incomplete ({error}); delete the folder and rerun") from None
        expected = 0
        for item in self.items:
            if item.offset != expected:
                raise UserError(f"{card}: item '{item.name}' is out of place; delete the folder and rerun")
            expected += int(np.prod(item.shape))
        if self.data.size != expected:
            raise UserError(f"{data_path}: {self.data.size} values, card says {expected}; delete the folder and rerun")

    @property
    def digest(self) -> str:
        """Return the SHA-256 of pixels and of what the items are called: not of where they come from."""
        items = [{**asdict(item), "offset": None, "origin": None, "licence": None} for item in self.items]
        return hashlib.sha256(json.dumps([self.card.get("pixels_sha256"), items]).encode()).hexdigest()

    def split(self, name: str) -> list[Item]:
        """Return the items of one split; raises UserError when there are none."""
        items = [item for item in self.items if item.split == name]
        if not items:
            raise UserError(f"data set '{self.card['dataset']}' has no split '{name}'")
        return items

    def read(self, item: Item) -> NDArray[Any]:
        """Return one item in its own shape, a view of the mapped file."""
        size = int(np.prod(item.shape))
        return self.data[item.offset : item.offset + size].reshape(item.shape)


@dataclass(frozen=True)
class Entry:
    """One picture or clip on its way to disk."""

    name: str
    split: str
    pixels: NDArray[Any] | Iterator[NDArray[Any]]
    """Of a picture, or of a clip; or the frames (H, W, C) of a clip, which are written as they come."""
    origin: str
    licence: str
    picture: str | None = None
    target: str | None = None
    group: str | None = None
    place: tuple[int, int] | None = None
    grey: bool = False


def _item(entry: dict[str, Any]) -> Item:
    # JSON has no tuples
    place = entry.get("place")
    return Item(**{**entry, "shape": tuple(entry["shape"]), "place": None if place is None else (place[0], place[1])})


def write_arrays(folder: Path, role: str, entries: Iterable[Entry], card: dict[str, Any]) -> None:
    """Write the flat array and then the card of one role, each atomically; entries are consumed one by one.

    Raises UserError when two entries differ in dtype or have one name, or there are none.
    """
    with written_atomically(folder / f"{role}.npy") as temporary, temporary.open("wb") as file:
        writing = _Writing(file)
        items = [writing.add(entry) for entry in entries]
        if writing.dtype is None:
            raise UserError(f"{folder}: the data set is empty")
        # numpy pads a header so that any length fits in the place of 0
        file.seek(0)
        _write_header(file, writing.dtype, writing.offset)
    pixels = writing.pixels
    content = {**card, "role": role, "pixels_sha256": pixels.hexdigest(), "items": [asdict(item) for item in items]}
    text = json.dumps(content, indent=1)
    write_text(folder / f"{role}.json", text + "\n")


class _Writing:
    """The flat array of a role on its way to disk."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin with nothing in `file`."""
        self.file, self.offset, self.pixels = file, 0, hashlib.sha256()
        self.dtype: np.dtype[Any] | None = None
        self.origins: dict[tuple[str, str, str | None], str] = {}

    def add(self, entry: Entry) -> Item:
        """Write `entry` and return its item: all of its pixels at once, or each frame of a clip as it comes."""
        whole = isinstance(entry.pixels, np.ndarray)
        shape: tuple[int, ...] = ()
        count = 0
        for block in [entry.pixels] if isinstance(entry.pixels, np.ndarray) else entry.pixels:
            if count == 0:
                shape = block.shape
                self._begin(entry, block.dtype)
            if (block.dtype, block.shape) != (self.dtype, shape):
                raise UserError(
                    f"{entry.origin}: frame {count} is {block.dtype} {block.shape}, frame 0 {self.dtype} {shape}"
                )
            values = np.ascontiguousarray(block)
            self.file.write(values.data)
            self.pixels.update(values.data)
            count += 1
        if not count:
            raise UserError(f"{entry.origin} (split {entry.split}) has no frame; replace or remove it")
        described = {field.name: getattr(entry, field.name) for field in fields(entry) if field.name != "pixels"}
        item = Item(**described, shape=shape if whole else (count, *shape), offset=self.offset)
        self.offset += count * math.prod(shape)
        return item

    def _begin(self, entry: Entry, dtype: np.dtype[Any]) -> None:
        """Check the type and the name of the next entry."""
        if self.dtype is None:
            self.dtype = dtype
            _write_header(self.file, dtype, 0)
        if dtype != self.dtype:
            raise UserError(
                f"{entry.origin} (split {entry.split}): {dtype} values where {next(iter(self.origins.values()))} has "
                f"{self.dtype}; give all of a data set one depth"
            )
        key = (entry.split, entry.name, entry.target)
        if key in self.origins:
            raise UserError(
                f"{self.origins[key]} and {entry.origin} (split {entry.split}) are both '{entry.name}'; rename one"
            )
        self.origins[key] = entry.origin


def _write_header(file: BinaryIO, dtype: np.dtype[Any], size: int) -> None:
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (size,)}
    np.lib.format.write_array_header_1_0(file, fields)
