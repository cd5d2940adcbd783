"""`p_random_tmae`: `p_ctmae` with random weights, on the same share of patches: a control of what learning is worth."""

from functools import partial

from lossbench.losses._patches import build_loss

SOURCE = "a control of this project; the papers have none"
REWARDS = "As p_ctmae with weights drawn at random: a control of what training the loss network is worth."
LOSS_NETWORKS: tuple[str, ...] = ()
ARCHITECTURE_OF = ("mae",)
"""The loss network in whose stored file only the architecture is looked up."""

build = partial(build_loss, "p_random_tmae", ARCHITECTURE_OF, drawn=True)
