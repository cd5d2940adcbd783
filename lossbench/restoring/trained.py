"""The trained network of a file, looked at more closely than jobs have to: for files that anybody made."""

from pathlib import Path
from typing import Any

from torch import nn

from lossbench import networks, storage
from lossbench.errors import FileError, UserError, placed

REMEDY = "give the model.safetensors of a training; docs/restore.md says where it lies"


def trained(path: Path, owner: str) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network in the file `path`, on the CPU, and its description; `owner` is the option that named it.

    Raises UserError naming both for a file that holds none, does not say its arguments, or has weights that are not
    finite.
    """
    with placed(owner):
        try:
            description = storage.describe(path)
        except FileError as error:
            # its remedy speaks of weights of losses
            raise UserError(f"{error.fault}; {REMEDY}") from None
        network = networks.load_network(path)
        storage.check_finite(network.state_dict(), path)
    return network, description
