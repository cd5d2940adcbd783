"""`lpips`: LPIPS, a distance that people's judgements of picture pairs gave."""

from functools import partial

from lossbench.losses._network_distance import build_loss

SOURCE = "Zhang et al., CVPR 2018 (version 0.1)"
REWARDS = "What people judge alike: features of a classifier, weighed to agree with judgements of picture pairs."
LOSS_NETWORKS = ("lpips", "robust_lpips")

build = partial(build_loss, "lpips", LOSS_NETWORKS)
