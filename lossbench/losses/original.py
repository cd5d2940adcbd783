"""`original`: the restoration network's own pixel loss, nothing added."""

from torch import Tensor

from lossbench.terms import WeightedTerms, distance

SOURCE = "MAE paper, section 4.2, configuration 1"
REWARDS = "Pixels alone, by the distance that the argument `pixel` names: l1, l2 or charbonnier."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""


class PixelLoss(WeightedTerms):
    """Distance of the pixels."""

    def __init__(self, pixel: str) -> None:
        """Choose the distance: `l1`, `l2` or `charbonnier`."""
        super().__init__({"pixel": 1.0})
        self.distance = distance(pixel)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the one term `pixel`."""
        return {"pixel": self.distance(prediction, target)}


def build(pixel: str = "l1") -> PixelLoss:
    """Build the pixel loss `pixel`: `l1`, `l2` or `charbonnier`."""
    return PixelLoss(pixel)
