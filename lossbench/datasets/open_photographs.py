"""Photographs whose licences let what was learned from them be passed on: those of the shipped loss networks."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._embedded import EmbeddedSet
from lossbench.datasets.photographs import FILES as PHOTOGRAPHS

FILES: dict[str, tuple[str, ...]] = {
    "train": (
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        # the right picture of this stereo pair shows the same scene and stays out
        "skimage/data/motorcycle_left.png",
        *(f"skimage/data/{name}.png" for name in ("brick", "camera", "coins", "grass", "gravel", "ihc")),
        "skimage/data/retina.jpg",
    ),
    "val": (),
    # of the default task data, none of which is trained on here
    "test": PHOTOGRAPHS["test"],
}

DATASET: Dataset = EmbeddedSet(card("open_photographs"), FILES)
