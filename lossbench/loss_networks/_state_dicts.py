"""Weights out of files that other projects released, without running anything in them."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lossbench.errors import UserError

CHECKPOINT = ("model", "state_dict", None)
"""Where public training code keeps the weights: under a key of its checkpoints, or in a file of their own."""


def read(path: Path, places: tuple[str | None, ...] = (None,)) -> dict[str, Tensor]:
    """Return the state dict in the file `path`, safetensors by its ending or written by `torch.save`, on the CPU.

    It is the first dictionary in `places`: keys of the dictionary in the file, or that itself for None. What else a
    training state holds must be numbers, words and tensors. Raises UserError naming the file when it is missing,
    damaged, holds more than weights, or has no state dict there.
    """
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    outer = content if isinstance(content, dict) else {}
    for place in places:
        found = outer.get(place) if place else content
        if isinstance(found, dict):
            break
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in found.items()
    ):
        where = f" under '{place}'" if place else ""
        raise UserError(f"{path} has no named weights{where}; give the file that its authors released")
    return found


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path} is no whole safetensors file ({reason}); check the path or download it again"
        ) from None


def _pickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path") from None
    # a damaged pickle raises nearly anything, and torch's own words advise to run what is in it
    except Exception as error:
        fault = type(error).__name__
        raise UserError(f"{path} is damaged or holds more than weights ({fault}); download it again") from None
