"""`ctmae_video`: `ctmae` for clips, by a video masked autoencoder trained on the ground truth of the task."""

from functools import partial

from lossbench.losses._features import build_loss, encode_clip

SOURCE = "MAE paper, eq. 2 and section 4.2, configuration 4, video"
REWARDS = "Cubes of space and time that a video MAE, trained on the task's own ground truth, encodes alike: motion too."
LOSS_NETWORKS = ("videomae", "mae_st")
TRAINED_ON = "task"
TAKES = ("clips",)

build = partial(build_loss, "ctmae_video", LOSS_NETWORKS, encode_clip, drawn=False, architecture=None, seed=0)
"""For clips (N, T, C, H, W) with T even; an image (N, C, H, W) is refused with an InputError."""
