"""`charbonnier`: smooth l1, sqrt(d^2 + 0.001^2) - 0.001; tables call it `original` with `pixel: charbonnier`."""

from functools import partial

from lossbench.losses.original import build as pixel_loss

SOURCE = "Charbonnier et al. 1994, as in Lai et al. 2017 (LapSRN): sqrt(d^2 + 0.001^2) - 0.001"
REWARDS = "As l1, but errors far below a thousandth of the range hardly pull, so that training ends calmly."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""

build = partial(pixel_loss, "charbonnier")
