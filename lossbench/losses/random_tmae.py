"""`random_tmae`: the encoder of `ctmae` with random weights, a control of what learning the loss is worth."""

from functools import partial

from lossbench.losses._encoder import build_loss

SOURCE = "a control of this project; the papers have none"
REWARDS = "As ctmae with weights drawn at random: a control of what training the loss network is worth."
LOSS_NETWORKS: tuple[str, ...] = ()
ARCHITECTURE_OF = ("mae",)
"""The loss network in whose stored file only the architecture is looked up."""

build = partial(build_loss, "random_tmae", ARCHITECTURE_OF, drawn=True)
