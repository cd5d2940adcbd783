"""A camera's raw file as red, green and blue in linear light, a quarter as high and wide."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.formats.beginning import beginning, unreadable

BINNED = 4
"""Sensor values along each axis that become one pixel: two of the Bayer pattern, and two of its repetitions."""


def read_raw(path: Path) -> NDArray[np.uint16]:
    """Return (H / 4, W / 4, 3) of red, green and blue, 0 where the sensor sees nothing and 65535 where it is full.

    Both greens and all repetitions of the pattern in a block of 4 x 4 are averaged; the black level is taken away, and
    nothing else is done: no white balance, colour matrix or curve. Raises UserError naming the file when it is missing
    or damaged, has another pattern than Bayer's, or the package rawpy is not installed.
    """
    beginning(path)
    rawpy = _library(path)
    try:
        with rawpy.imread(str(path)) as raw:
            values = np.array(raw.raw_image_visible, dtype=np.float64)
            colours = np.array(raw.raw_colors_visible[:2, :2])
            black, white = np.array(raw.black_level_per_channel, dtype=np.float64), float(raw.white_level)
    except (rawpy.LibRawError, OSError, ValueError) as error:
        raise unreadable(path, error, "a readable raw file") from None
    if sorted(colours.ravel().tolist()) not in ([0, 1, 1, 2], [0, 1, 2, 3]):
        raise UserError(f"{path}: its sensor has no Bayer pattern of red, green, blue and green; convert it to PNG")
    height, width = (side // BINNED * BINNED for side in values.shape)
    light = np.zeros((height // BINNED, width // BINNED, 3))
    for row in range(2):
        for column in range(2):
            colour = int(colours[row, column])
            plane = (values[row:height:2, column:width:2] - black[colour]) / (white - black[colour])
            # the second green is the fourth colour of some cameras
            light[..., 1 if colour == 3 else colour] += _pooled(plane) / (2 if colour in (1, 3) else 1)
    levels: NDArray[np.uint16] = np.rint(65535 * light.clip(0, 1)).astype(np.uint16)
    return levels


def _pooled(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape
    pooled: NDArray[np.float64] = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return pooled


def _library(path: Path) -> Any:
    try:
        return importlib.import_module("rawpy")
    except ModuleNotFoundError:
        raise UserError(
            f"{path} is a raw file, whose reading needs the package rawpy; install it by `pip install rawpy`"
        ) from None
