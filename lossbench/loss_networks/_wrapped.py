"""State dicts as adversarial training leaves them: the classifier inside a wrapper that attacks it."""

from pathlib import Path

import numpy as np
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.formats import state_dicts

MODEL, ATTACKED = "model.", "attacker.model."
"""Prefixes of the classifier, and of the same classifier as its attacker sees it."""
NORMALISERS = {"normalizer.new_": "", "attacker.normalize.new_": "attacker's "}
"""Prefixes of the buffers `mean` and `std`, and whose they are."""
TOLERANCE = 1e-4
"""Statistics of the same data set are printed with three or four digits."""


def unwrapped(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Return the state dict or checkpoint in the file `path` under the names of the classifier alone.

    Takes the layouts of MadryLab's `robustness` library, with or without DataParallel around it, and plain ones. The
    attacker's copy of the classifier counts only where there is no other. Raises UserError as `state_dicts.read`, and
    when the file has a name twice, or normalises images by another `mean` or `std` than those buffers (1, C, 1, 1) of
    `network`.
    """
    own: dict[str, Tensor] = {}
    attacked: dict[str, Tensor] = {}
    for released, tensor in state_dicts.read(path, state_dicts.CHECKPOINT).items():
        name = released.removeprefix(state_dicts.PARALLEL)
        if _normalises(name, tensor, network, path):
            continue
        found = attacked if name.startswith(ATTACKED) else own
        bare = name.removeprefix(ATTACKED).removeprefix(MODEL)
        if bare in found:
            raise UserError(f"{path} has '{bare}' twice, also as '{released}'; give the file that its authors released")
        found[bare] = tensor
    return own or attacked


def _normalises(name: str, tensor: Tensor, network: nn.Module, path: Path) -> bool:
    """Say whether `name` is a statistic of the normalisation, and refuse another value than the network's."""
    for prefix, owner in NORMALISERS.items():
        statistic = name.removeprefix(prefix)
        if name == statistic or statistic not in ("mean", "std"):
            continue
        expected, found = (values.flatten().double().numpy() for values in (network.get_buffer(statistic), tensor))
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=TOLERANCE):
            raise UserError(
                f"{path}: its {owner}{statistic} {found.round(4).tolist()} is not {expected.round(4).tolist()}, "
                "by which this network normalises images; give a file trained with that"
            )
        return True
    return False
