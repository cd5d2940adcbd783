"""`ctmae`: the encoder of a transformer masked autoencoder trained on the task's ground truth."""

from functools import partial

from lossbench.losses._encoder import build_loss

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 4"
REWARDS = (
    "Patches that a transformer MAE, trained on the task's own ground truth, encodes alike, each in its surroundings."
)
LOSS_NETWORKS = ("mae",)
TRAINED_ON = "task"

build = partial(build_loss, "ctmae", LOSS_NETWORKS, drawn=False, architecture=None, seed=0)
