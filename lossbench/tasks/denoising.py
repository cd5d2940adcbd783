"""Denoising: shipped pairs, or noise added to clean pictures, to 8 bit."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from lossbench.errors import UserError, nearest
from lossbench.records import Strict
from lossbench.tasks import TaskSettings
from lossbench.tasks._ranges import Range

SOURCE = "white Gaussian noise in sRGB; shot and read noise of Brooks et al. 2019"
TRIVIAL = "noisy_input"
ALSO_TRIVIAL: tuple[str, ...] = ()
EIGHT_BIT = True
"""Low quality is made of 8-bit pictures alone; pairs that a data set ships may be deeper."""

SHOT = (1e-4, 1.2e-2)
"""Smallest and largest variance of shot noise at white, log-uniform (Brooks et al. 2019)."""

READ = (2.18, 1.20, 0.26)
"""Slope, offset and standard deviation of the log variance of read noise over that of shot noise (same source)."""

GAMMA = 2.2
"""Exponent that stands for a camera's rendering from linear light to sRGB; colours and tones are left out."""


class Gaussian(Strict):
    """The same noise everywhere."""

    noise: Literal["gaussian"] = "gaussian"
    sigma: Range = (5.0, 50.0)
    """Standard deviation in 8-bit levels, uniform over (lowest, highest)."""
    versions: PositiveInt = 1
    """How many times noise is added to each training picture, each time anew."""


class SignalDependent(Strict):
    """Noise that grows with the light."""

    noise: Literal["signal_dependent"]
    versions: PositiveInt = 1
    """As above."""


KINDS: dict[str, type[Gaussian] | type[SignalDependent]] = {"gaussian": Gaussian, "signal_dependent": SignalDependent}


def scale(settings: TaskSettings) -> int:
    """Return 1, target size / low-quality size; raises UserError naming the setting that is unknown or wrong."""
    _parsed(settings)
    return 1


def versions(settings: TaskSettings) -> int:
    """Return how many noisy versions of each training picture are made."""
    return _parsed(settings).versions


def reference(target: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return `target` (..., H, W, C) as it is."""
    return target


def degrade(target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return `target` plus noise of one level a picture, clipped to [0, 255] and rounded to 8 bit.

    `noise: gaussian` adds white noise of standard deviation `sigma`; clipping makes it weaker in black and white.
    `noise: signal_dependent` adds noise of variance read + shot * x to linear light x = (v / 255) ** 2.2. Raises
    UserError naming the setting that is unknown or wrong.
    """
    chosen = _parsed(settings)
    if isinstance(chosen, Gaussian):
        noisy = target + generator.normal(0, generator.uniform(*chosen.sigma), target.shape)
    else:
        shot, read = noise_levels(generator)
        light = (target / 255.0) ** GAMMA
        light = light + generator.normal(0, 1, target.shape) * np.sqrt(read + shot * light)
        noisy = 255 * np.maximum(light, 0) ** (1 / GAMMA)
    return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)


def noise_levels(generator: np.random.Generator) -> tuple[float, float]:
    """Draw the variances of shot noise (at white) and read noise of one picture, in linear light of [0, 1]."""
    log_shot = generator.uniform(math.log(SHOT[0]), math.log(SHOT[1]))
    slope, offset, deviation = READ
    return math.exp(log_shot), math.exp(slope * log_shot + offset + generator.normal(0, deviation))


def trivial(low_quality: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the answer that every network has to beat: the noisy input itself."""
    return low_quality


def _parsed(settings: TaskSettings) -> Gaussian | SignalDependent:
    where = "settings of task 'denoising'"
    kind = settings.get("noise", "gaussian")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"{where}: noise: '{kind}' is unknown; {nearest(str(kind), KINDS)}")
    return KINDS[kind].parse(settings, where)
