"""Weights out of files that other projects released, without running anything in them."""

import argparse
import os
import pickletools
import re
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_safe_globals, safe_globals

from lossbench.assets import contents
from lossbench.errors import Notice, UserError
from lossbench.storage import check_finite

CHECKPOINT = ("model", "state_dict", "params", None)
"""Where public training code keeps the weights: under a key of its checkpoints, or in a file of their own."""
PARALLEL = "module."
"""What torch's DataParallel puts before every name."""
GIVE = "give the file that its authors released"
REFUSED = re.compile(r"GLOBAL ([\w.]+)|<class '([\w.]+)'>|<(?:built-in )?(?:function|method) ([\w.]+)")
"""How torch calls what it does not load."""
PICKLE, PICKLES = b"\x80", 5
"""How a pickle begins, and how many of them stand before the numbers in a file that is no archive of zip."""
_SCALAR = np.float64().__reduce__()[0]
HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(code)) for code in "?bBhHiIlLqQefd"),
    # as numpy 2 and numpy 1 call it
    *((_SCALAR, f"numpy.{package}.multiarray.scalar") for package in ("_core", "core")),
]
"""Options of a command line and numbers of numpy, which training code keeps beside weights and which run nothing."""


def read(path: Path, places: tuple[str | None, ...] = (None,)) -> dict[str, Tensor]:
    """Return the state dict in the file `path`, safetensors by its ending or written by `torch.save`, on the CPU.

    It is the first dictionary in `places`: keys of the dictionary in the file, or that itself for None. A file that
    holds further ones, such as averages of the weights, is met with a warning that says which was taken. What else a
    training state holds must be numbers, words, tensors and the options of a command line. Raises UserError naming the
    file when it is missing, damaged, holds anything else, has no state dict there, or a tensor that is not finite.
    """
    with suppress(OSError):
        contents.check_regular(path)
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    outer = content if isinstance(content, dict) else {}
    for place in places:
        found = outer.get(place) if place else content
        if isinstance(found, dict):
            break
    others = [key for key, value in outer.items() if key != place and _is_weights(value) and value]
    if not _is_weights(found):
        where = f" under '{place}'" if place else ""
        remedy = f"those under {_listed(others)} may be meant: {_save_alone(path, others[0])}" if others else GIVE
        raise UserError(f"{path} has no named weights{where}; {remedy}")
    if others and place:
        taken = f"it holds several networks: '{place}' was taken, not {_listed(others)}"
        warnings.warn(Notice(path, f"{taken}; for another: {_save_alone(path, others[0])}"), stacklevel=2)
    state = cast(dict[str, Tensor], found)
    check_finite(state, path)
    return state


def _is_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items()
    )


def _listed(keys: list[Any]) -> str:
    return " or ".join(f"'{key}'" for key in keys)


def _save_alone(path: Path, key: Any) -> str:
    return f"torch.save(torch.load('{path.name}')['{key}'], '{path.stem}_{key}.pth') puts it into a file of its own"


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        what = getattr(error, "strerror", None) or contents.recognised(path) or error
        raise UserError(f"{path} is no whole safetensors file ({what}); check the path or download it again") from None


def _pickled(path: Path) -> Any:
    try:
        # leaving the block takes all of them back, also what the user has allowed
        with safe_globals([each for each in HARMLESS if each not in get_safe_globals()]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path") from None
    # a damaged pickle raises nearly anything, and torch's own words advise to run what is in it
    except Exception as error:
        # a name that is cut off is no name
        if not (short := _ends_early(path)) and (refused := REFUSED.search(str(error))):
            name = next(filter(None, refused.groups()))
            remedy = f"download it again, or save its weights alone: '{name}' in it could run code"
            raise UserError(f"{path} holds more than weights ({type(error).__name__}); {remedy}") from None
        what = "it is cut short" if short else contents.recognised(path) or type(error).__name__
        # that it is one of PyTorch is no fault here
        fault = "it begins like a file of PyTorch and is cut short or damaged further on" if "PyTorch" in what else what
        raise UserError(f"{path} is damaged or holds more than weights ({fault}); download it again") from None


def _ends_early(path: Path) -> bool:
    """Return whether the file ends within a pickle; nothing in it is run. False for archives of zip."""
    with path.open("rb") as file:
        if file.read(1) != PICKLE:
            return False
        file.seek(0)
        try:
            for _ in range(PICKLES):
                # what follows the whole of another program's pickle is no part of it
                if file.read(1) != PICKLE:
                    return False
                file.seek(-1, os.SEEK_CUR)
                for _ in pickletools.genops(file):
                    pass
        # what is damaged in its middle ends in whatever error
        except Exception:
            return not file.read(1)
    return False
