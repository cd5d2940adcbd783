"""Imagery that no task uses: what the stand-in for public ImageNet weights is pretrained on."""

from __future__ import annotations

from lossbench.datasets import Card, Dataset
from lossbench.datasets._embedded import EmbeddedSet

CARD = Card(
    name="generic_photographs",
    title="photographs and grey textures embedded in foolbox and scikit-image, none of them in a task's data",
    licence="per file: CC0 textures; foolbox states none per picture (use, do not redistribute)",
    # the foolbox wheel; scikit-image is a dependency of the pipeline itself
    bytes=1_677_112,
    where="uv sync --group embedded (or: pip install --no-deps foolbox==3.3.4)",
    layout="inside the installed packages; needs no folder",
    stand_in_for="imagenet",
    needs_root=False,
)

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
