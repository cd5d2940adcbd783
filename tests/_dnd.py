"""A small DND in the benchmark's own files: MATLAB v7.3, which is HDF5 with the axes reversed."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH, SIDE, IMAGES, BOXES = 40, 52, 16, 2, 3


def picture(image: int) -> NDArray[np.float32]:
    """Return the noisy picture `image` (from 1), (H, W, 3) in [0, 1]."""
    return np.random.default_rng(image).random((HEIGHT, WIDTH, 3), dtype=np.float32)


def corner(image: int, box: int) -> tuple[int, int]:
    """Return the top row and left column, from 0, of crop `box` (from 1) of picture `image`."""
    return 7 * box + image, 11 * box + image


def write_picture(root: Path, image: int, values: NDArray[np.generic]) -> None:
    """Write one noisy picture."""
    path = root / "images_srgb" / f"{image:04d}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("InoisySRGB", data=values.T, chunks=True, compression="gzip")


def build(root: Path) -> Path:
    """Lay down `info.mat` and the pictures; return `root`."""
    for image in range(1, IMAGES + 1):
        write_picture(root, image, picture(image))
    with h5py.File(root / "info.mat", "w", userblock_size=512) as file:
        references = np.empty((1, IMAGES), dtype=h5py.ref_dtype)
        for image in range(1, IMAGES + 1):
            corners = np.array([corner(image, box) for box in range(1, BOXES + 1)])
            # MATLAB counts from 1 and includes the end
            matlab = np.hstack([corners + 1, corners + SIDE]).astype(np.float64)
            references[0, image - 1] = file.create_dataset(f"#refs#/{image}", data=matlab.T).ref
        file.create_dataset("info/boundingboxes", data=references, dtype=h5py.ref_dtype)
    return root
