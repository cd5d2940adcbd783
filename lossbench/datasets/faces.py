"""A hundred small grey faces that ship inside a package: what a VAE is trained on, in place of CelebA."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.embedded import catalogue, locate
from lossbench.datasets import Dataset, Source, Splits, card

CARD = card("faces")

PATH = "skimage/data/lfw_subset.npy"
PARTS = {"train": (0, 75), "val": (75, 80), "test": (80, 100)}
"""First and last but one; the file's further hundred pictures show no faces."""
BANDS = 3


class Faces(Dataset):
    """Faces of 25 x 25 pixels."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return 75, 5 and 20 faces; `root` is ignored.

        Raises UserError when the package is missing or its file is not the catalogued one.
        """
        path, licence = locate(PATH), catalogue()[PATH].licence
        return {
            # its SHA-256 was checked here, once for all faces
            split: [Source(f"face_{number:02d}", path, licence, part=number) for number in range(first, end)]
            for split, (first, end) in PARTS.items()
        }

    def read(self, source: Source) -> NDArray[np.uint8]:
        """Return the face that the source says, (25, 25, 3) uint8; grey is repeated to three bands."""
        face = _faces(source.path)[source.part]
        return np.repeat(np.rint(255 * face).astype(np.uint8)[..., None], BANDS, axis=-1)


@lru_cache(maxsize=1)
def _faces(path: Path) -> NDArray[np.float64]:
    faces: NDArray[np.float64] = np.load(path, allow_pickle=False)
    return faces


DATASET: Dataset = Faces()
