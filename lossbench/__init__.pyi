from os import PathLike
from typing import Any, Literal, TypeAlias, overload

from lossbench import statistics as statistics
from lossbench.comparing.compare import compare
from lossbench.losses import list_losses
from lossbench.metrics import create_metric
from lossbench.networks import load_network
from lossbench.restoring.picture import restore
from lossbench.terms import WeightedTerms

__all__ = [
    "__version__",
    "compare",
    "create_loss",
    "create_metric",
    "list_losses",
    "load_network",
    "restore",
    "statistics",
]

__version__: str

_Pixel: TypeAlias = Literal["l1", "l2", "charbonnier"]
_Precision: TypeAlias = Literal["exact", "difference", "fast"]

# `create_loss` is `lossbench.weights.creating.create_loss`; what each loss takes is written out here for editors
@overload
def create_loss(name: Literal["l1", "l2", "charbonnier"], *, check_range: bool = True) -> WeightedTerms:
    """Build the distance of the pixels."""

@overload
def create_loss(
    name: Literal["ssim", "gradient"], *, pixel: _Pixel | None = None, weight: float = 1.0, check_range: bool = True
) -> WeightedTerms:
    """Build `weight` times the plain loss `name`, on top of the distance `pixel` where one is given."""

@overload
def create_loss(
    name: Literal["ms_ssim"],
    *,
    pixel: _Pixel | None = None,
    weight: float = 1.0,
    scales: int = 5,
    check_range: bool = True,
) -> WeightedTerms:
    """Build `weight` * (1 - MS-SSIM), on top of the distance `pixel` where one is given.

    Five scales need 161 pixels a side, four 81, three 41, two 21, one 11.
    """

@overload
def create_loss(
    name: Literal["fft"],
    *,
    pixel: _Pixel | None = None,
    weight: float = 1.0,
    norm: Literal["backward", "ortho"] = "backward",
    check_range: bool = True,
) -> WeightedTerms:
    """Build `weight` times the L1 of the spectra, on top of the distance `pixel` where one is given."""

@overload
def create_loss(
    name: str,
    *,
    pixel: _Pixel | None = "l1",
    weight: float = 1.0,
    weights: str | PathLike[str] | None = "auto",
    every: int = 1,
    check_range: bool = True,
    precision: _Precision = "exact",
    **arguments: Any,
) -> WeightedTerms:
    """Build the loss `name`: the distance `pixel`, None for none, plus `weight` times the loss's own term.

    - `weights`: file of the frozen loss network, where the loss has one; `auto` finds what was made, fetched, shipped.
    - `every`: k, the own term in every k-th step alone, k times as heavy there: `loss(prediction, target, step=step)`.
    - `check_range`: whether the first target is looked at, and refused where it is not in [0, 1].
    - `precision`: arithmetic of the loss network.
    - `arguments`: what this loss takes besides, such as `layer` of `vgg`; an argument that it does not take is refused.

    Raises lossbench.errors.UserError, one line, for a name, an argument or a value that is of no use.
    """
