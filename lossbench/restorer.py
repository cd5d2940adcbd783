"""A trained restoration network out of its file, as a function from picture to picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lossbench import device as devices
from lossbench import networks, storage
from lossbench.errors import UserError
from lossbench.networks._padding import restore, restore_tiled

TILE_OVERLAP = 32
"""Low-quality pixels that two tiles share."""

Restore = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def restorer(name: str, arguments: dict[str, Any], model: Path, tile: int | None, threads: int) -> Restore:
    """Return the function from a low-quality picture (h, w, C) in [0, 1] to a prediction (H, W, bands) in [0, 1].

    Pictures are restored in tiles of `tile` low-quality pixels, or whole when it is None, in float32 on the device that
    there is. Raises UserError as `load` does, and when `name` restores clips.
    """
    chosen = devices.choose("float32", threads)
    if networks.window(name) != 1:
        raise UserError(f"network '{name}' restores clips; name one that restores pictures")
    network = chosen.place(load(name, arguments, model))
    assert isinstance(network, networks.Network)

    @torch.no_grad()
    def restored(low_quality: NDArray[np.float32]) -> NDArray[np.float32]:
        image = torch.from_numpy(np.ascontiguousarray(low_quality))[None].permute(0, 3, 1, 2).to(chosen.device)
        prediction = restore(network, image) if tile is None else restore_tiled(network, image, tile, TILE_OVERLAP)
        return prediction[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()

    return restored


def load(name: str, arguments: dict[str, Any], model: Path) -> nn.Module:
    """Return the network in the file `model`; raises UserError unless that is `name` with `arguments`, and whole."""
    description, wanted = storage.describe(model), {"name": name, "arguments": arguments}
    if description != wanted:
        raise UserError(f"{model} holds the network {description}, not {wanted}; train it again or name that one")
    return networks.load_network(model)
