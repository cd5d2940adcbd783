"""`gradient`: the mean absolute difference of what neighbouring pixels differ by."""

from torch import Tensor

from lossbench.losses._plain import PlainLoss

SOURCE = "L1 of first differences of the residual, as Li and Snavely, CVPR 2018 (MegaDepth), have it at each scale"
REWARDS = "Steps between neighbouring pixels, hence edges and texture in place; an even offset costs at its rim alone."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""


def gradient_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute difference of the steps down plus that of the steps to the right."""
    change = prediction - target
    return change.diff(dim=-2).abs().mean() + change.diff(dim=-1).abs().mean()


def build(pixel: str | None = None, weight: float = 1.0) -> PlainLoss:
    """Build `weight` * the L1 of both first differences, on top of the distance `pixel` where one is given.

    Pictures have 2 pixels a side at least. Raises UserError for an unknown distance or a weight below 0.
    """
    return PlainLoss("gradient", gradient_l1, 2, "a step", pixel=pixel, weight=weight)
