"""WorldView-3 over Longmont with its real PAN, opt-in: the package's licence has to be accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lossbench.datasets import _worldview
from lossbench.datasets._card import Source

NEEDS_ROOT = False
PICTURES = False
"""The licence allows numbers to be published, and no pictures at full resolution."""
SCENE = _worldview.Scene(
    ms="dgsamples/wv3_longmont_1k/055516443010_01_P001_MUL/14OCT06175136-M2AS-055516443010_01_P001.TIF",
    pan="dgsamples/wv3_longmont_1k/055516443010_01_P001_PAN/14OCT06175136-P2AS-055516443010_01_P001.TIF",
)
CARD = _worldview.card(
    "worldview3_samples",
    "one WorldView-3 scene of dgsamples, blue, green, red, near infrared 1 and PAN, 11 bit",
    stand_in_for="worldview3",
)


def locate(root: Path | None) -> dict[str, list[Source]]:
    """Return 1 train, 2 val and 8 test pictures of the scene; `root` is ignored; raises UserError as `_worldview`."""
    return _worldview.locate(SCENE, "ms")


def locate_low_quality(root: Path | None, task: str, scale: int) -> dict[str, list[Source]] | None:
    """Return the PAN of every picture of `locate`, four times finer; None for other tasks than pan-sharpening."""
    return _worldview.locate(SCENE, "pan") if task == "pan_sharpening" else None


def read(source: Source) -> NDArray[Any]:
    """Return the bands (H, W, 4), uint16 of the whole range; raises UserError as `_worldview.read`."""
    return _worldview.read(SCENE, source, "ms")


def read_low_quality(source: Source) -> NDArray[Any]:
    """Return the PAN (4 H, 4 W, 1), uint16 of the whole range; raises UserError as `_worldview.read`."""
    return _worldview.read(SCENE, source, "pan")
