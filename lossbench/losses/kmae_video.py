"""`kmae_video`: `kmae` for clips, by a video masked autoencoder with public weights, trained on other clips."""

from functools import partial

from lossbench.losses._features import build_loss, encode_clip

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 3, video"
REWARDS = "Cubes of space and time that a video MAE, trained on other clips, encodes alike: motion too."
LOSS_NETWORKS = ("videomae", "mae_st")
TRAINED_ON = "other"
TAKES = ("clips",)

build = partial(build_loss, "kmae_video", LOSS_NETWORKS, encode_clip, drawn=False, architecture=None, seed=0)
"""For clips (N, T, C, H, W) with T even; an image (N, C, H, W) is refused with an InputError."""
