"""Low-light enhancement: shipped pairs, or darkness made from well exposed pictures, to 8 bit."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from lossbench.records import Strict
from lossbench.tasks import TaskSettings
from lossbench.tasks._ranges import Range

SOURCE = "Lv et al. 2018 (MBLLEN) and 2021 (AgLLNet): gamma curve, exposure and Poisson noise"
TRIVIAL = "dark_input"
ALSO_TRIVIAL = ("gamma_corrected",)
EIGHT_BIT = True
"""Low quality is made of 8-bit pictures alone; pairs that a data set ships may be deeper."""
"""Further trivial answers, each a function of this module with the arguments of `trivial`."""

MEAN = 0.45
"""What `gamma_corrected` makes the mean of a picture: near the 0.44 of the embedded training photographs."""

EXPONENTS = (0.1, 10.0)
"""The curves that `gamma_corrected` chooses from."""


class Settings(Strict):
    """What `degrade` draws from; a data set that ships pairs needs none of it."""

    gamma: Range = (2.0, 3.5)
    """Exponent of the darkening curve, uniform over (lowest, highest)."""
    alpha: Range = (0.9, 1.0)
    """Exposure before the curve."""
    beta: Range = (0.5, 1.0)
    """Exposure after the curve."""
    peak: float = Field(default=200.0, gt=0)
    """Photons that white stands for; more photons mean less noise."""
    versions: PositiveInt = 1
    """How many times each training picture is darkened, each time anew."""


class Curve(NamedTuple):
    """How one picture or clip is darkened."""

    gamma: float
    alpha: float
    beta: float
    peak: float
    """Photons that white stands for."""


def scale(settings: TaskSettings) -> int:
    """Return 1, target size / low-quality size; raises UserError naming the setting that is unknown or wrong."""
    _parsed(settings)
    return 1


def versions(settings: TaskSettings) -> int:
    """Return how many dark versions of each training picture are made."""
    return _parsed(settings).versions


def reference(target: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return `target` (..., H, W, C) as it is."""
    return target


def degrade(target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the dark version of `target`, x in [0, 1]: Poisson(peak * beta * (alpha * x) ** gamma) / peak.

    One gamma, alpha and beta a picture; noise in each value; clipped to [0, 1] and rounded to 8 bit. Raises UserError
    naming the setting that is unknown or wrong.
    """
    return darkened(target, drawn_curve(settings, generator), generator)


def drawn_curve(settings: TaskSettings, generator: np.random.Generator) -> Curve:
    """Draw gamma, alpha and beta of one picture or clip; raises UserError as `degrade`."""
    chosen = _parsed(settings)
    gamma, alpha, beta = (generator.uniform(*limits) for limits in (chosen.gamma, chosen.alpha, chosen.beta))
    return Curve(gamma, alpha, beta, chosen.peak)


def darkened(target: NDArray[np.uint8], curve: Curve, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the dark version of `target` by `curve`, with the noise of its photons."""
    dark = curve.beta * (curve.alpha * (target / 255.0)) ** curve.gamma
    noisy = generator.poisson(curve.peak * dark) / curve.peak
    return np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)


def trivial(low_quality: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the answer that every network has to beat: the dark input itself."""
    return low_quality


def gamma_corrected(low_quality: NDArray[np.uint8], settings: TaskSettings) -> NDArray[np.uint8]:
    """Return the harder answer to beat: the input to the power that brings its mean to `MEAN`, to 8 bit.

    The target is not asked. The exponent stays within `EXPONENTS`, so that a black picture remains black.
    """
    shares = np.bincount(low_quality.ravel(), minlength=256) / low_quality.size
    return np.rint(255 * brightened(shares)).astype(np.uint8)[low_quality]


def brightened(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each of n levels becomes, 0 to 1, so that the mean is `MEAN`; `shares` (n,) of values have each."""
    from scipy.optimize import brentq

    levels = np.arange(len(shares)) / (len(shares) - 1)

    def excess(exponent: float) -> float:
        return float(shares @ levels**exponent) - MEAN

    # the mean falls as the exponent rises
    if excess(EXPONENTS[0]) <= 0:
        exponent = EXPONENTS[0]
    elif excess(EXPONENTS[1]) >= 0:
        exponent = EXPONENTS[1]
    else:
        exponent = brentq(excess, *EXPONENTS)
    curve: NDArray[np.float64] = levels**exponent
    return curve


def _parsed(settings: TaskSettings) -> Settings:
    return Settings.parse(settings, "settings of task 'enhancement'")
