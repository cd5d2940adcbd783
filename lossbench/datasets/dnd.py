"""DND: 50 pictures with real noise whose ground truth only the benchmark's server has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.datasets import Dataset, ScoredByServer, Source, Splits, card
from lossbench.datasets._matlab import damage_named
from lossbench.datasets._tree import base, require_file
from lossbench.errors import UserError

CARD = card("dnd")

IMAGES = 50
BOXES = 20
"""Crops of an image that are scored."""

SIDE = 512
"""Height and width of a crop."""

KEY = "InoisySRGB"


class Dnd(Dataset, ScoredByServer):
    """DND in its published files."""

    card = CARD

    def locate(self, root: Path | None) -> Splits:
        """Return the 50 noisy pictures below `root` as split test: what is on disk, none of it a target.

        `read` refuses them, so that no stage can train on or score against them; `pipeline.submit` is what they are
        for. Raises UserError naming the first file that is missing.
        """
        top = base(root, CARD)
        require_file(top / "info.mat", "test", CARD)
        paths = [require_file(_path(top, image), "test", CARD) for image in range(1, IMAGES + 1)]
        return {"train": [], "val": [], "test": [Source(path.stem, path, CARD.licence) for path in paths]}

    def read(self, source: Source) -> NoReturn:
        """Raise UserError: a picture of DND has no target."""
        raise UserError(
            f"{source.path}: data set 'dnd' has no public ground truth to train on or to score against;"
            " leave it out, and write what its server scores with pipeline.submit"
        )

    @property
    def images(self) -> int:
        """The number of pictures."""
        return IMAGES

    def boxes(self, root: Path) -> NDArray[np.int64]:
        """Return the crops of all pictures: (50, 20, 4) of top, left, bottom, right, from 0, the ends not included.

        `info.mat` holds them as cells of `info.boundingboxes`, counted from 1, the ends included. Raises UserError
        naming the file when it is missing or damaged or a crop is not 512 x 512.
        """
        path = root / "info.mat"
        h5py = imported("h5py", path.name)
        with damage_named(path), h5py.File(path, "r") as file:
            cells: Any = file["info"]["boundingboxes"]
            found = np.stack([np.asarray(file[reference]).T for reference in np.ravel(cells[()])]).astype(np.int64)
        if found.shape != (IMAGES, BOXES, 4):
            raise UserError(f"{path}: crops {found.shape} where {(IMAGES, BOXES, 4)} are published; get the file again")
        found[..., :2] -= 1
        if (found[..., :2] < 0).any() or (found[..., 2:] - found[..., :2] != SIDE).any():
            raise UserError(f"{path}: a crop is not {SIDE} x {SIDE} pixels; get the file again")
        return found

    def crops(self, root: Path, image: int, boxes: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
        """Give the noisy sRGB crops (512, 512, 3) of picture `image`, clipped to [0, 1], of its `boxes` (20, 4).

        Raises UserError naming the file when it is missing or damaged, or not floats of three bands that hold the
        crops.
        """
        path = _path(root, image)
        h5py = imported("h5py", path.name)
        with damage_named(path), h5py.File(path, "r") as file:
            stored: Any = file.get(KEY)
            if stored is None:
                raise UserError(f"{path} holds no array '{KEY}'; get the file again")
            if stored.dtype.kind != "f" or stored.ndim != 3 or stored.shape[0] != 3:
                raise UserError(f"{path}: {stored.dtype} {stored.shape} where floats (3, W, H) are; get the file again")
            for top, left, bottom, right in boxes:
                if bottom > stored.shape[2] or right > stored.shape[1]:
                    sides = f"{stored.shape[2]} x {stored.shape[1]}"
                    raise UserError(f"{path}: {sides} pixels do not hold a crop of info.mat")
                # HDF5 lists the axes of a column-major array in reverse
                pixels = np.asarray(stored[:, left:right, top:bottom], dtype=np.float32).T
                if not np.isfinite(pixels).all():
                    raise UserError(f"{path}: pixels that are no numbers; get the file again")
                yield np.ascontiguousarray(np.clip(pixels, 0, 1))

    def blocks(self, root: Path) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Give all 1,000 noisy crops: image (1 to 50), box (1 to 20), and the pixels as of `crops`."""
        for image, regions in enumerate(self.boxes(root), start=1):
            for box, pixels in enumerate(self.crops(root, image, regions), start=1):
                yield image, box, pixels


def _path(root: Path, image: int) -> Path:
    return root / "images_srgb" / f"{image:04d}.mat"


DATASET: Dataset = Dnd()
