"""`log_cosh`: smooth L1 that is quadratic near zero and linear far away, log(cosh(a d)) / a."""

import math
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.errors import UserError, quoted
from lossbench.terms import WeightedTerms

SOURCE = "log-cosh paper: f(t; a) = log(cosh(a t)) / a, gradient tanh(a t), curvature a at 0"
REWARDS = "As l2 for errors below about 1 / a, and as l1 for those above: small ones pull less, large ones no more."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""
LEAST, MOST = 1e-6, 1e9
"""Of a: below, the loss of values in [0, 1] vanishes in float32; above, it is L1 to the last digit."""


def log_cosh(difference: Tensor, a: float) -> Tensor:
    """Return log(cosh(a d)) / a of each value, without overflow for any finite a d and exact near zero."""
    scaled = difference * a
    size = scaled.abs()
    # log(cosh z) = log(1 + 2 sinh(z / 2)^2) keeps its digits near zero, |z| + log(1 + exp(-2 |z|)) - log 2 far away
    near = torch.log1p(2 * (scaled.clamp(-1, 1) / 2).sinh().square())
    far = size + F.softplus(-2 * size) - math.log(2)
    return torch.where(size < 1, near, far) / a


class LogCosh(WeightedTerms):
    """Mean log-cosh distance of the pixels."""

    def __init__(self, a: float) -> None:
        """Take the curvature at zero; raises UserError unless it is one of those that float32 can tell."""
        if isinstance(a, bool) or not isinstance(a, Real) or not LEAST <= a <= MOST:
            raise UserError(f"log_cosh: a = {quoted(a)} is not a positive number from {LEAST:g} to {MOST:g}")
        super().__init__({"pixel": 1.0})
        self.a: float = float(a)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the one term `pixel`."""
        return {"pixel": log_cosh(prediction - target, self.a).mean()}


def build(a: float = 1.0) -> LogCosh:
    """Build the log-cosh loss; `a` is for values in [0, 1], 255 times what it would be for [0, 255]."""
    return LogCosh(a)
