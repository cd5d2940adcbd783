"""`l2`: the mean squared difference of the pixels; tables call it `original` with `pixel: l2`."""

from functools import partial

from lossbench.losses.original import build as pixel_loss

SOURCE = "mean squared difference, whose logarithm is PSNR"
REWARDS = "The mean of what each pixel may be, hence PSNR, and blurred detail: an error counts by its square."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("pictures", "clips")
"""What it compares; a loss that does not say takes pictures."""

build = partial(pixel_loss, "l2")
