"""Twenty colour photographs that ship inside packages: the default task data, in place of DIV2K."""

from __future__ import annotations

from lossbench.datasets import Card, Dataset
from lossbench.datasets._embedded import EmbeddedSet

CARD = Card(
    name="photographs",
    title="photographs embedded in foolbox, scikit-image, scikit-learn and matplotlib",
    licence="per file: public domain, CC0, CC BY 2.0; foolbox states none per picture (use, do not redistribute)",
    # the foolbox wheel; the other packages are dependencies of the pipeline itself
    bytes=1_677_112,
    where="uv sync --group embedded (or: pip install --no-deps foolbox==3.3.4)",
    layout="inside the installed packages; needs no folder",
    stand_in_for="div2k",
    needs_root=False,
)

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
