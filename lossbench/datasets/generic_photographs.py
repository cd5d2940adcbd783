"""Imagery that no task uses: what the stand-in for public ImageNet weights is pretrained on."""

from __future__ import annotations

from lossbench.datasets import Dataset, card
from lossbench.datasets._embedded import EmbeddedSet

CARD = card("generic_photographs")

FILES: dict[str, tuple[str, ...]] = {
    "train": (
        "foolbox/data/imagenet_12_741.jpg",
        "foolbox/data/imagenet_13_471.jpg",
        "foolbox/data/imagenet_14_129.jpg",
        "foolbox/data/imagenet_15_99.jpg",
        "foolbox/data/imagenet_16_251.jpg",
        "foolbox/data/imagenet_17_22.jpg",
        "foolbox/data/imagenet_18_317.jpg",
        "skimage/data/brick.png",
        "skimage/data/grass.png",
        "skimage/data/gravel.png",
    ),
    "val": ("foolbox/data/imagenet_19_305.jpg",),
    "test": (),
}

DATASET: Dataset = EmbeddedSet(CARD, FILES)
