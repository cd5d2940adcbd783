"""A Landsat-7 scene that ships inside a package: the default multispectral data, in place of WorldView-2."""

from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lossbench.datasets import Dataset, _scene, card
from lossbench.images import read_tiff

REGIONS = {
    "train": _scene.grid("train", (0, 0), (1480, 1040), (1, 1)),
    "val": _scene.grid("val", (0, 1072), (128, 128), (11, 1)),
    "test": _scene.grid("test", (0, 1232), (128, 128), (11, 2)),
}
"""Of 1482 x 1489 pixels the left 70 % of the columns to train, the right 17 % to test, gaps of 32 columns."""


@cache
def _bands(path: Path) -> NDArray[Any]:
    return read_tiff(path)[..., :4]


DATASET: Dataset = _scene.EmbeddedScene(card("landsat7"), "localtileserver/tiler/data/landsat.tif", REGIONS, _bands)
"""1 train picture of 1480 x 1040, and 11 val and 22 test pictures of 128 x 128, uint8."""
