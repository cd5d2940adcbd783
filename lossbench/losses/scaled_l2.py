"""`scaled_l2`: the mean squared difference times a number, which matches log-cosh of curvature a at a / 2."""

from torch import Tensor

from lossbench.terms import WeightedTerms, l2

SOURCE = "log-cosh paper, figure 6: lambda-scaled squared L2, whose curvature at 0 is 2 lambda"
REWARDS = "As l2, times a number, which matters beside other terms and where gradients are clipped."
LOSS_NETWORKS: tuple[str, ...] = ()


class ScaledL2(WeightedTerms):
    """Mean squared difference of the pixels, scaled."""

    def __init__(self, scale: float) -> None:
        """Take lambda; raises UserError unless it is a finite number >= 0."""
        super().__init__({"pixel": scale})

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the one term `pixel`, not yet scaled."""
        return {"pixel": l2(prediction, target)}


def build(scale: float = 1.0) -> ScaledL2:
    """Build the squared difference times `scale`, the paper's lambda, for values in [0, 1]: curvature 2 lambda."""
    return ScaledL2(scale)
