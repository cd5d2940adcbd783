"""Generation: whole pictures of one size, which a network encodes, reconstructs, and makes new ones like."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import PositiveInt

from lossbench.errors import UserError
from lossbench.records import Strict
from lossbench.tasks import TaskSettings

SOURCE = "Kingma and Welling, ICLR 2014 (VAE); sizes of this project, since the log-cosh paper's text states none"
TRIVIAL = "mean_picture"
"""The mean of the training pictures in the place of every reconstruction and of every sample."""
ALSO_TRIVIAL: tuple[str, ...] = ()
TARGETS_ALONE = True
"""Training reads no low quality."""
AUTOENCODES = True
"""Its networks are auto-encoders, in tables that compare generators."""


class Whole(Strict):
    """How a picture is brought to the size that a network takes."""

    side: PositiveInt
    """Height and width in pixels."""
    bands: PositiveInt
    crop: PositiveInt | None = None
    """Side of the centre square, or of the largest one where a picture is smaller, that is resized to `side`; None
    pads a picture with black instead."""


def scale(settings: TaskSettings) -> int:
    """Return 1, target size / low-quality size; raises UserError naming the setting that is unknown or wrong."""
    _parsed(settings)
    return 1


def versions(settings: TaskSettings) -> int:
    """Return 1."""
    _parsed(settings)
    return 1


def reference(target: NDArray[Any], settings: TaskSettings) -> NDArray[Any]:
    """Return a prepared 8-bit `target` (H, W, C) as (side, side, bands): cut and resized, antialiased, or padded.

    Raises UserError for other bands, and for a picture that is larger than what it is to be padded to.
    """
    chosen = _parsed(settings)
    height, width, bands = target.shape
    if bands != chosen.bands:
        raise UserError(f"settings of task 'generation': bands: {chosen.bands}, but a picture has {bands}")
    if chosen.crop is None:
        if max(height, width) > chosen.side:
            raise UserError(
                f"settings of task 'generation': side: {chosen.side}, but a picture has {height} x {width} px; "
                "name a crop, which is resized"
            )
        above, before = (chosen.side - height) // 2, (chosen.side - width) // 2
        after = (above, chosen.side - height - above), (before, chosen.side - width - before)
        return np.pad(target, (*after, (0, 0)))
    square = min(chosen.crop, height, width)
    top, left = (height - square) // 2, (width - square) // 2
    cut = target[top : top + square, left : left + square]
    if square == chosen.side:
        return cut
    planes = [Image.fromarray(np.ascontiguousarray(cut[..., band])) for band in range(bands)]
    size = (chosen.side, chosen.side)
    return np.stack([np.asarray(plane.resize(size, Image.Resampling.BILINEAR)) for plane in planes], axis=-1)


def degrade(target: NDArray[Any], settings: TaskSettings, generator: np.random.Generator) -> NDArray[Any]:
    """Return `target`: an auto-encoder is given what it is to give back."""
    return target


def trivial(low_quality: NDArray[Any], settings: TaskSettings) -> NDArray[Any]:
    """Raise UserError: one picture does not tell the mean of the training pictures, which the stage generate takes."""
    raise UserError("task 'generation': its trivial answer is the mean of the training pictures, not made of one")


def _parsed(settings: TaskSettings) -> Whole:
    return Whole.parse(settings, "settings of task 'generation'")
