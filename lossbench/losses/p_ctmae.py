"""`p_ctmae`: `ctmae` on a random part of the patches, the same of both images; no others enter the encoder."""

from functools import partial

from lossbench.losses._patches import build_loss

SOURCE = "MAE paper, section 4.4 and table 7"
REWARDS = "As ctmae, of a random part of the patches at each step, so that each is seen with little around it."
LOSS_NETWORKS = ("mae",)
TRAINED_ON = "task"

build = partial(build_loss, "p_ctmae", LOSS_NETWORKS, drawn=False, architecture=None, seed=0)
