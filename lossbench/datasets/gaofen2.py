"""GaoFen-2: pan-sharpening tiles of Zhou et al. (8-bit), or the same sensor at 10 bit."""

from lossbench.datasets import Dataset
from lossbench.datasets._tiles import TileSet

DATASET: Dataset = TileSet(
    name="gaofen2",
    title="GaoFen-2 at reduced resolution, blue, green, red, near infrared and PAN",
    tiles="GF2_data",
    bits=10,
    pancollection="train: 6.21 GB",
)
