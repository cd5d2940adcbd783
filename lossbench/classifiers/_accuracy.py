"""How many crops a classifier recognises, and whether it is the one that a stored witness was made for."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lossbench.attacks.targeted import attacked
from lossbench.device import to_tensor
from lossbench.errors import UserError

Labelled = list[NDArray[Any]]
"""Crops (N, side, side, 3) uint8 and labels (N,) int64."""
BATCH = 32
"""Crops that are shown at once."""
TOLERANCE = 0.05
"""By how much accuracy on the very crops of a witness may fall short; other arithmetic changes less."""
REMEDY = "the file expects images normalised in another way, bands or classes in another order, or is another network's"


def accuracy(model: nn.Module, batches: Iterable[Labelled]) -> tuple[float, int]:
    """Return the share of the crops of `batches` that `model`, in float32, recognises, and their number."""
    device = next(model.parameters()).device
    right: list[bool] = []
    for crops, labels in regrouped(batches, BATCH):
        right += (predicted(model, to_tensor(crops, device)).cpu() == torch.from_numpy(labels)).tolist()
    return float(np.mean(right)), len(right)


def check_witness(model: nn.Module, path: Path) -> None:
    """Raise UserError when `model` recognises the crops of the witness at `path` less often than is stored there.

    That tells a network whose images are normalised in another way, or whose classes are in another order, from the
    one that the witness was made for; also when the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            crops, labels, expected = stored["crops"], stored["labels"], float(stored["expected"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{path} is no whole witness ({error}); delete it and rerun") from None
    found, count = accuracy(model, [[crops, labels]])
    if found < expected - TOLERANCE:
        raise UserError(f"{path}: clean accuracy {found:.4f} on its {count} crops, expected {expected:.4f}; {REMEDY}")


def predicted(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the most probable class of each of `images` (N,), in evaluation mode; the model is left as it was."""
    with attacked(model), torch.no_grad():
        found: torch.Tensor = model(images).argmax(1)
    return found


def regrouped(batches: Iterable[Labelled], size: int) -> Iterator[Labelled]:
    """Return the same crops and labels in batches of `size`, the last one smaller."""
    pairs = (pair for crops, labels in batches for pair in zip(crops, labels, strict=True))
    while group := list(islice(pairs, size)):
        yield [np.stack([crop for crop, _ in group]), np.array([label for _, label in group], np.int64)]
