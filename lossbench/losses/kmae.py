"""`kmae`: the encoder of a masked autoencoder with public weights, trained on other imagery than the task's."""

from functools import partial

from lossbench.losses._encoder import build_loss

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 3"
REWARDS = (
    "Patches that a transformer MAE, trained on other pictures (ImageNet), encodes alike, each in its surroundings."
)
LOSS_NETWORKS = ("mae",)
TRAINED_ON = "other"

build = partial(build_loss, "kmae", LOSS_NETWORKS, drawn=False, architecture=None, seed=0)
