"""`ccmae`: the encoder of a convolutional masked autoencoder trained on the task's ground truth."""

from functools import partial

from lossbench.losses._features import build_loss, encode

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 5"
REWARDS = "Neighbourhoods that a convolutional MAE, trained on the task's own ground truth, encodes alike."
LOSS_NETWORKS = ("cnn_mae", "unet_mae")
TRAINED_ON = "task"

build = partial(build_loss, "ccmae", LOSS_NETWORKS, encode, drawn=False, architecture=None, seed=0)
