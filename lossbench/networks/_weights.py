"""The weights that a training begins with, out of a file: of a training here, or what another project saved."""

from pathlib import Path

from torch import nn

from lossbench import storage
from lossbench.errors import UserError
from lossbench.formats import state_dicts
from lossbench.networks._outside import OutsideNetwork

PLACES = ("params_ema", "params", "state_dict", "model", None)
"""Where restoration toolboxes keep the weights in their files; BasicSR and its relatives test the average."""


def fill(network: nn.Module, name: str, path: Path) -> None:
    """Copy into `network`, the network `name`, the weights in the file `path`.

    That is the model.safetensors of a training of the same network, or the weights of another project with the names
    and shapes that the network itself gives them. Raises UserError naming the file that holds anything else.
    """
    if storage.is_stored(path):
        state, held = storage.read(path)
        if held["name"] != name:
            raise UserError(f"{path} holds the network '{held['name']}', not '{name}'; give weights of that one")
        storage.check_finite(state, path)
    else:
        state = state_dicts.read(path, PLACES)
        if all(each.startswith(state_dicts.PARALLEL) for each in state):
            state = {each.removeprefix(state_dicts.PARALLEL): tensor for each, tensor in state.items()}
        # another project knows the module alone, not what is around it here
        network = network.network if isinstance(network, OutsideNetwork) else network
    storage.fill(network, state, path)
