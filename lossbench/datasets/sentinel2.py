"""A Sentinel-2 scene that ships inside a package: multispectral data in place of GaoFen-2."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.datasets import Dataset, _scene, card
from lossbench.errors import UserError

CARD = card("sentinel2")

SHAPE = (4, 300, 300)
REFLECTANCE = 10_000
"""Stored value of a surface that reflects all light; brighter ones are clipped."""
REGIONS = _scene.small_scene(*SHAPE[1:])


@cache
def _bands(path: Path) -> NDArray[Any]:
    """Return reflectance 0 to 1 as (H, W, 4) uint16 of the whole range; raises UserError for a damaged file."""
    try:
        stored = np.array(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable ({error}); install the package again: {CARD.where}") from None
    if stored.shape != SHAPE:
        raise UserError(f"{path}: shape {stored.shape}, expected {SHAPE}; install the package again: {CARD.where}")
    clipped = np.clip(stored.transpose(1, 2, 0), 0, REFLECTANCE)
    bands: NDArray[np.uint16] = np.rint(clipped * (65535 / REFLECTANCE)).astype(np.uint16)
    return bands


DATASET: Dataset = _scene.EmbeddedScene(CARD, "spyndex/data/S2_10m.json", REGIONS, _bands)
"""1 train picture of 220 x 204, 2 val pictures of 64 x 96 and 8 test pictures of 72 x 40."""
