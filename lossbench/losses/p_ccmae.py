"""`p_ccmae`: `ccmae` on a random part of the patches, the same of both images; the other cells become mask tokens."""

from functools import partial

from lossbench.losses._patches import build_loss

SOURCE = "MAE paper, section 4.4 and table 7"
REWARDS = "As ccmae, of a random part of the cells at each step, the others masked as in its training."
LOSS_NETWORKS = ("cnn_mae", "unet_mae")
TRAINED_ON = "task"

build = partial(build_loss, "p_ccmae", LOSS_NETWORKS, drawn=False, architecture=None, seed=0)
