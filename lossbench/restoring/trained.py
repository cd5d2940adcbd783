"""The trained network of a file, looked at more closely than jobs have to: for files that anybody made."""

from pathlib import Path
from typing import Any

from torch import nn

from lossbench import networks, storage
from lossbench.errors import UserError, placed


def trained(path: Path, owner: str) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network in the file `path`, on the CPU, and its description; `owner` is the option that named it.

    Raises UserError naming both for a file that holds none, does not say its arguments, or has weights that are not
    finite.
    """
    with placed(owner):
        description = storage.describe(path)
        if not isinstance(description["name"], str) or not isinstance(description.get("arguments"), dict):
            raise UserError(f"{path} does not say the name and arguments of its network; give a file of lossbench")
        network = networks.load_network(path)
        storage.check_finite(network.state_dict(), path)
    return network, description
