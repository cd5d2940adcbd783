"""Super-resolution: MATLAB-equivalent antialiased bicubic down-sampling by `scale`, to 8 bit."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from lossbench.records import Strict
from lossbench.resize import crop_to_multiple, resize_bicubic
from lossbench.tasks import TaskSettings

SOURCE = "Lim et al. 2017 (DIV2K track 'bicubic'); MAE paper, section 4.1"
TRIVIAL = "bicubic"
ALSO_TRIVIAL: tuple[str, ...] = ()


class Settings(Strict):
    """What fixes the low quality, and networks and loss networks of other than three bands."""

    scale: int = Field(gt=0, strict=True)
    """Target size / low-quality size."""
    bands: PositiveInt | None = None
    """Of the pictures; None leaves it to the networks."""


def scale(settings: TaskSettings) -> int:
    """Return target size / low-quality size; raises UserError naming the setting that is unknown or wrong."""
    return Settings.parse(settings, "settings of task 'super_resolution'").scale


def versions(settings: TaskSettings) -> int:
    """Return 1: nothing is random."""
    return 1


def reference(target: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the part of `target` (H, W, C) that a low-quality picture covers: sides cut to multiples of the scale."""
    return crop_to_multiple(target, scale(settings))


def degrade(target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the low-quality picture (H / scale, W / scale, C) of `target`; nothing is random."""
    return resize_bicubic(reference(target, settings), Fraction(1, scale(settings)))


def trivial(low_quality: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the answer that every network has to beat: bicubic up-sampling."""
    return resize_bicubic(low_quality, Fraction(scale(settings)))
