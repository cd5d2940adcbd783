"""WorldView-2: pan-sharpening tiles of Zhou et al. (8-bit), or the same sensor at 11 bit."""

from lossbench.datasets import Dataset
from lossbench.datasets._tiles import TileSet

DATASET: Dataset = TileSet(
    name="worldview2",
    title="WorldView-2 at reduced resolution, blue, green, red, near infrared and PAN",
    tiles="WV2_data",
    bits=11,
    pancollection="test only",
)
