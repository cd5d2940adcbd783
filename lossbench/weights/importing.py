"""A released file of weights becomes a loss network: found, checked by its digest, filled in."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lossbench import loss_networks
from lossbench.assets.weight_files import checked_digest
from lossbench.errors import UserError

STEPS = 3
"""What takes its time: the file's digest, filling the network, and storing it."""


def check_importing(kind: str) -> loss_networks.ImportingPlugin:
    """Return the loss network `kind`'s file; raises UserError for an unknown one, and one without public weights."""
    plugin = loss_networks.plugin(kind)
    if not isinstance(plugin, loss_networks.ImportingPlugin):
        raise UserError(f"loss network '{kind}' takes no public weights; it is trained, by the recipe of a scale")
    return plugin


def imported(
    kind: str,
    architecture: Mapping[str, Any],
    seed: int,
    file: Path,
    digest: str,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[nn.Module, str]:
    """Return the loss network `kind` with the weights in `file`, and `<algorithm>:<full digest>` of that file.

    `done` is told when the first and the second of `STEPS` are behind. What the file leaves out, such as the decoder of
    a released encoder, is drawn from `seed`. Raises UserError for a network that public weights do not exist for, an
    unknown argument, a file whose digest does not begin with `digest`, and one that does not fit the network.
    """
    plugin = check_importing(kind)
    found = checked_digest(file, digest)
    done(1)
    torch.manual_seed(seed)
    network = loss_networks.build(kind, **architecture)
    plugin.import_weights(network, file)
    done(2)
    return network, found
