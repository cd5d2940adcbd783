"""`dists`: DISTS, a distance that leaves textures of one look alike."""

from functools import partial

from lossbench.losses._network_distance import build_loss

SOURCE = "Ding et al., TPAMI 2022"
REWARDS = "Structure and texture in features of a classifier; texture may move as long as its statistics stay."
LOSS_NETWORKS = ("dists",)

build = partial(build_loss, "dists", LOSS_NETWORKS)
