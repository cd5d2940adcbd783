"""`l1`: the mean absolute difference of the pixels; tables call it `original` with `pixel: l1`."""

from functools import partial

from lossbench.losses.original import build as pixel_loss

SOURCE = "mean absolute difference; as a loss of restoration Zhao et al., TCI 2017"
REWARDS = "The median of what each pixel may be: an error counts by its size, so that a few large ones may stay."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""

build = partial(pixel_loss, "l1")
