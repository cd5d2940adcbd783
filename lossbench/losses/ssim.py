"""`ssim`: one minus the structural similarity."""

from lossbench.losses._plain import PlainLoss
from lossbench.losses._ssim import SIDE, ssim_distance

SOURCE = "Wang et al., TIP 2004, equation 13, Gaussian windows inside the picture; as a loss Zhao et al. 2017"
REWARDS = "Mean and structure in windows of 11 pixels, by the contrast there: faint texture counts as strong edges do."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""


def build(pixel: str | None = None, weight: float = 1.0) -> PlainLoss:
    """Build `weight` * (1 - SSIM), from 0 to 2, on top of the distance `pixel` where one is given.

    SSIM is the mean over pictures, bands and windows, as the metric `ssim` has it for values that are not rounded.
    Pictures have 11 pixels a side at least. Raises UserError for an unknown distance or a weight below 0.
    """
    return PlainLoss("ssim", ssim_distance, SIDE, "its window", pixel=pixel, weight=weight)
