"""Weights out of a safetensors file that another project released."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lossbench.errors import UserError


def tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors in the file `path` by name, on the CPU; raises UserError when it is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path} is no whole safetensors file ({reason}); check the path or download it again"
        ) from None
