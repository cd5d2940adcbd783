"""WorldView-3: pan-sharpening tiles of Zhou et al. (8-bit), or the same sensor at 11 bit."""

from lossbench.datasets import Dataset
from lossbench.datasets._tiles import TileSet

DATASET: Dataset = TileSet(
    name="worldview3",
    title="WorldView-3 at reduced resolution, blue, green, red, near infrared and PAN",
    tiles="WV3_data",
    bits=11,
    pancollection="train: 5.76 GB",
)
