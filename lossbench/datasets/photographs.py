"""Twenty colour photographs that ship inside packages: the default task data, in place of DIV2K."""

from __future__ import annotations

from lossbench.datasets import Dataset, card
from lossbench.datasets._embedded import EmbeddedSet

CARD = card("photographs")

FILES: dict[str, tuple[str, ...]] = {
    "train": (
        "foolbox/data/imagenet_00_243.jpg",
        "foolbox/data/imagenet_01_559.jpg",
        "foolbox/data/imagenet_02_438.jpg",
        "foolbox/data/imagenet_03_990.jpg",
        "foolbox/data/imagenet_04_949.jpg",
        "foolbox/data/imagenet_05_853.jpg",
        "foolbox/data/imagenet_06_609.jpg",
        "foolbox/data/imagenet_07_609.jpg",
        "foolbox/data/imagenet_08_915.jpg",
        "foolbox/data/imagenet_09_455.jpg",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        # the right picture of this stereo pair shows the same scene and stays out
        "skimage/data/motorcycle_left.png",
    ),
    "val": ("foolbox/data/imagenet_10_541.jpg", "foolbox/data/imagenet_11_630.jpg"),
    "test": (
        "skimage/data/astronaut.png",
        "skimage/data/chelsea.png",
        "skimage/data/coffee.png",
        "skimage/data/rocket.jpg",
        "sklearn/datasets/images/china.jpg",
        "sklearn/datasets/images/flower.jpg",
    ),
}

DATASET: Dataset = EmbeddedSet(CARD, FILES)
