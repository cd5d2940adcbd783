"""GaoFen-2: pan-sharpening tiles of Zhou et al. (8-bit), or the same sensor at 10 bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lossbench.datasets import _tiles
from lossbench.datasets._card import Card, Source

NEEDS_ROOT = True
SENSOR = _tiles.Sensor(name="gaofen2", folder="GF2_data", bits=10)
CARD = Card(
    name="gaofen2",
    title="GaoFen-2 at reduced resolution, blue, green, red, near infrared and PAN",
    licence=_tiles.LICENCE,
    # no size is published for the tiles
    bytes=0,
    where=f"{_tiles.BAIDU}; or {_tiles.PANCOLLECTION} (train: 6.21 GB)",
    layout=SENSOR.layout,
)


def locate(root: Path | None) -> dict[str, list[Source]]:
    """Return the multispectral pictures, in val only those of a stack; raises UserError as `_tiles.locate`."""
    return _tiles.locate(root, SENSOR, CARD)


def locate_low_quality(root: Path | None, task: str, scale: int) -> dict[str, list[Source]] | None:
    """Return the panchromatic partner of every picture of `locate`; None for other tasks than pan-sharpening."""
    return _tiles.locate_pan(root, SENSOR, CARD, task)


def read(source: Source) -> NDArray[Any]:
    """Return the bands (H, W, 4) in the whole range of uint8 or uint16; raises UserError as `_tiles.read_ms`."""
    return _tiles.read_ms(source, SENSOR)


def read_low_quality(source: Source) -> NDArray[Any]:
    """Return the PAN (H, W, 1) on the grid of the bands; raises UserError as `_tiles.read_pan`."""
    return _tiles.read_pan(source, SENSOR)
