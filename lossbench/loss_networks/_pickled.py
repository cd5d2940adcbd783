"""Weights out of a file that `torch.save` wrote, without running anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lossbench.errors import UserError

KEYS = ("model", "state_dict")
"""Under which public training code keeps the weights in its checkpoints."""


def weights(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Return the state dict in the file `path`, or the one under `key` of the dictionary in it, on the CPU.

    Raises UserError naming the file when it is missing, damaged, holds more than weights, or has no state dict there.
    """
    content = _content(path)
    if key is not None:
        content = content.get(key) if isinstance(content, dict) else None
    return _named(content, path, key)


def checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the state dict in the file `path`, or under `model` or `state_dict` of the training state in it.

    Raises UserError as `weights` does; what else a training state holds must be numbers, words and tensors.
    """
    content = _content(path)
    if isinstance(content, dict):
        for key in KEYS:
            if isinstance(content.get(key), dict):
                return _named(content[key], path, key)
    return _named(content, path, None)


def _content(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path") from None
    # a damaged pickle raises nearly anything, and torch's own words advise to run what is in it
    except Exception as error:
        fault = type(error).__name__
        raise UserError(f"{path} is damaged or holds more than weights ({fault}); download it again") from None


def _named(content: Any, path: Path, key: str | None) -> dict[str, Tensor]:
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        place = f" under '{key}'" if key else ""
        raise UserError(f"{path} has no named weights{place}; give the file that its authors released")
    return content
