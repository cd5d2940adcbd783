"""`random_tmae_video`: the encoder of `ctmae_video` with random weights, a control of what learning it is worth."""

from functools import partial

from lossbench.losses._features import build_loss, encode_clip

SOURCE = "a control of this project; the papers have none"
REWARDS = "As ctmae_video with weights drawn at random: a control of what training the loss network is worth."
LOSS_NETWORKS: tuple[str, ...] = ()
TAKES = ("clips",)
ARCHITECTURE_OF = ("mae_st",)
"""The loss network in whose stored file only the architecture is looked up."""

build = partial(build_loss, "random_tmae_video", ARCHITECTURE_OF, encode_clip, drawn=True)
"""For clips (N, T, C, H, W) with T even; an image (N, C, H, W) is refused with an InputError."""
