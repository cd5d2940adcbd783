"""`dists`: DISTS, as pyiqa computes it."""

from __future__ import annotations

from functools import partial

from lossbench.losses._pyiqa import build_loss

SOURCE = "Ding et al., TPAMI 2022"
LOSS_NETWORKS = ("dists",)

build = partial(build_loss, "dists")
