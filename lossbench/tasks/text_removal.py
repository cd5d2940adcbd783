"""Text removal: random text over clean pictures; a network learns from two corrupted versions of each.

Noise2Noise: source and target are corrupted independently, so that the target tells nothing of where the source's text
is. Where less than half of the target is covered, the median over its draws is the clean picture and their mean is not.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from lossbench.records import Strict
from lossbench.tasks import TaskSettings
from lossbench.tasks._text import with_text

SOURCE = "Lehtinen et al., ICML 2018 (Noise2Noise), text; settings of public re-implementations"
TRIVIAL = "corrupted_input"
ALSO_TRIVIAL: tuple[str, ...] = ()
EIGHT_BIT = True
"""Low quality is made of 8-bit pictures alone; pairs that a data set ships may be deeper."""
TARGETS_ALONE = True
"""Training reads no low quality."""
TEST_ALONE = ("test_occupancy",)
"""Settings that no training depends on."""

MOST = 0.9
"""Largest share that may be covered: letters leave gaps, which more strings fill ever more slowly."""


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if not limits[0] <= limits[1]:
        raise ValueError(f"[{limits[0]:g}, {limits[1]:g}] is not [lowest, highest]")
    return limits


Share = Annotated[float, Field(ge=0, le=MOST)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_ordered)]
Count = Annotated[int, Field(ge=1, le=200)]
Counts = Annotated[tuple[Count, Count], AfterValidator(_ordered)]


class Text(Strict):
    """How much text lies over a picture, and what a network is trained to give."""

    occupancy: Shares = (0.0, 0.5)
    """Of training crops: the share that is covered, uniform over (lowest, highest), drawn for each version."""
    test_occupancy: Share = 0.25
    """Of whole pictures that are restored."""
    sizes: Counts = (16, 20)
    """Of the letters, in pixels, uniform over (smallest, largest)."""
    letters: Counts = (10, 24)
    """Of a string, likewise."""
    train_target: Literal["corrupted", "clean"] = "corrupted"
    """`corrupted`: another version of the same crop, which is noise2noise; `clean`: the crop itself."""


def scale(settings: TaskSettings) -> int:
    """Return 1, target size / low-quality size; raises UserError naming the setting that is unknown or wrong."""
    _parsed(settings)
    return 1


def versions(settings: TaskSettings) -> int:
    """Return 1: training draws its own versions in each step."""
    _parsed(settings)
    return 1


def reference(target: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return `target` (H, W, C) as it is."""
    return target


def degrade(target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return `target` with text over the share `test_occupancy`; raises UserError naming a wrong setting."""
    chosen = _parsed(settings)
    return with_text(target, chosen.test_occupancy, generator, chosen.sizes, chosen.letters)


def training_pair(
    target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what a network is given of the crop `target` (H, W, C), and what its prediction is compared with.

    Occupancy and text of both are drawn independently.
    """
    chosen = _parsed(settings)

    def corrupted() -> NDArray[np.uint8]:
        return with_text(target, generator.uniform(*chosen.occupancy), generator, chosen.sizes, chosen.letters)

    source = corrupted()
    return source, corrupted() if chosen.train_target == "corrupted" else target


def trivial(low_quality: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the answer that every network has to beat: the corrupted input itself."""
    return low_quality


def _parsed(settings: TaskSettings) -> Text:
    return Text.parse(settings, "settings of task 'text_removal'")
