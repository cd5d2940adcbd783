"""Imagery that no task uses: what the stand-in for public ImageNet weights is pretrained on."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._embedded import EMBEDDED, EmbeddedSet

FILES: dict[str, tuple[str, ...]] = {
    "train": (*EMBEDDED[12:19], "skimage/data/brick.png", "skimage/data/grass.png", "skimage/data/gravel.png"),
    "val": EMBEDDED[19:],
    "test": (),
}

DATASET: Dataset = EmbeddedSet(card("generic_photographs"), FILES)
