"""Twenty colour photographs that ship inside packages: the default task data, in place of DIV2K."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._embedded import EMBEDDED, EmbeddedSet

FILES: dict[str, tuple[str, ...]] = {
    "train": (
        *EMBEDDED[:10],
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        # the right picture of this stereo pair shows the same scene and stays out
        "skimage/data/motorcycle_left.png",
    ),
    "val": EMBEDDED[10:12],
    "test": (
        "skimage/data/astronaut.png",
        "skimage/data/chelsea.png",
        "skimage/data/coffee.png",
        "skimage/data/rocket.jpg",
        "sklearn/datasets/images/china.jpg",
        "sklearn/datasets/images/flower.jpg",
    ),
}

DATASET: Dataset = EmbeddedSet(card("photographs"), FILES)
