"""Pairs of the user's own: the low quality is what the data set ships, of 8 or 16 bit, and nothing is made."""

from fractions import Fraction

import numpy as np
from pydantic import Field

from lossbench.errors import UserError
from lossbench.records import Strict
from lossbench.resize import crop_to_multiple, resize_bicubic
from lossbench.tasks import Pixels, TaskSettings

SOURCE = "pairs of the user's own; this project"
TRIVIAL = "low_quality"
ALSO_TRIVIAL: tuple[str, ...] = ()
SHIPPED_ALONE = True
"""Of data sets that ship no pairs no low quality is made; a plan finds `scale` in the pairs where it is not set."""


class Settings(Strict):
    """What fixes the size of the pictures."""

    scale: int = Field(gt=0, strict=True)
    """Target size / low-quality size."""


def scale(settings: TaskSettings) -> int:
    """Return target size / low-quality size; raises UserError naming the setting that is unknown, wrong or missing."""
    return Settings.parse(settings, "settings of task 'paired'").scale


def versions(settings: TaskSettings) -> int:
    """Return 1: nothing is made."""
    return 1


def reference(target: Pixels, settings: TaskSettings) -> Pixels:
    """Return the part of `target` (H, W, C) that a low-quality picture covers: sides cut to multiples of the scale."""
    return crop_to_multiple(target, scale(settings))


def degrade(target: Pixels, settings: TaskSettings, generator: np.random.Generator) -> Pixels:
    """Raise UserError: there is no rule by which the low quality of a `target` came about."""
    raise UserError("the task 'paired' makes no low quality; give pairs, each in low_quality/ as in target/")


def trivial(low_quality: Pixels, settings: TaskSettings) -> Pixels:
    """Return the answer that every network has to beat: the low quality itself, enlarged bicubically by the scale."""
    factor = scale(settings)
    return low_quality if factor == 1 else resize_bicubic(low_quality, Fraction(factor))
