"""A Sentinel-2 scene that ships inside a package: multispectral data in place of GaoFen-2."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, Source, Splits, _scene, card
from lossbench.datasets._embedded import embedded_sources
from lossbench.errors import UserError

FILE = "spyndex/data/S2_10m.json"
CARD = card("sentinel2")

SHAPE = (4, 300, 300)
REFLECTANCE = 10_000
"""Stored value of a surface that reflects all light; brighter ones are clipped."""
REGIONS = _scene.small_scene(*SHAPE[1:])


class Sentinel2(Dataset):
    """The scene, cut into regions."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return 1 train picture of 220 x 204, 2 val pictures of 64 x 96 and 8 test pictures of 72 x 40.

        `root` is ignored. The scene is split into areas since there is one only. Raises UserError when the file is
        missing or its SHA-256 is not the catalogued one.
        """
        (scene,) = embedded_sources([FILE])
        return _scene.sources(scene, REGIONS)

    def read(self, source: Source) -> NDArray[Any]:
        """Return reflectance 0 to 1 as (H, W, 4) uint16 of the whole range; raises UserError for a damaged file."""
        return _scene.cut(_bands(source.path), source.name, REGIONS)


@cache
def _bands(path: Path) -> NDArray[Any]:
    try:
        stored = np.array(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable ({error}); install the package again: {CARD.where}") from None
    if stored.shape != SHAPE:
        raise UserError(f"{path}: shape {stored.shape}, expected {SHAPE}; install the package again: {CARD.where}")
    clipped = np.clip(stored.transpose(1, 2, 0), 0, REFLECTANCE)
    bands: NDArray[np.uint16] = np.rint(clipped * (65535 / REFLECTANCE)).astype(np.uint16)
    return bands


DATASET: Dataset = Sentinel2()
