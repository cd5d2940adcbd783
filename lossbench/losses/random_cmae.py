"""`random_cmae`: the encoder of `ccmae` with random weights, a control of what learning the loss is worth."""

from functools import partial

from lossbench.losses._features import build_loss, encode

SOURCE = "a control of this project; the papers have none"
REWARDS = "As ccmae with weights drawn at random: a control of what training the loss network is worth."
LOSS_NETWORKS: tuple[str, ...] = ()
ARCHITECTURE_OF = ("cnn_mae",)
"""The loss network in whose stored file only the architecture is looked up."""

build = partial(build_loss, "random_cmae", ARCHITECTURE_OF, encode, drawn=True)
