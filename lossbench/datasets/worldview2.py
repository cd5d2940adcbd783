"""WorldView-2: pan-sharpening tiles of Zhou et al. (8-bit), or the same sensor at 11 bit."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._tiles import TileSet

DATASET: Dataset = TileSet(card=card("worldview2"), tiles="WV2_data", bits=11)
