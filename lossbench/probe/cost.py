"""What a loss costs beside L1: time and memory of forward and backward, measured in turns on the same crops."""

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lossbench.terms import WeightedTerms, l1

ROUNDS, SECONDS = 5, 3.0
"""Most rounds of the timing, and the time after which no further one starts."""


@dataclass(frozen=True)
class StepCost:
    """Forward and backward of one batch: milliseconds, and bytes of tensors held at once beyond what was there."""

    l1_milliseconds: float
    loss_milliseconds: float
    time_ratio: float
    l1_bytes: int
    loss_bytes: int
    memory_ratio: float


class TensorMemory(TorchDispatchMode):
    """Notes in `peak` the most bytes of new tensors held at once in its block.

    It counts alike on every device and gives the same number each time; the work space inside an operation is not seen.
    """

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[int, int] = {}
        self.older: set[int] = set()
        self.peak = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # nothing is compiled here, and torch would import its compiler to say so: seconds
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run `func` and count what it allocated."""
        # what goes in and did not come out of an operation here was there before; a view of it costs nothing
        self.older |= {storage._cdata for storage in _storages((args, kwargs))} - self.held.keys()
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            key = storage._cdata
            if key not in self.held and key not in self.older:
                self.held[key] = storage.nbytes()
                weakref.finalize(storage, self.held.pop, key)
        self.peak = max(self.peak, sum(self.held.values()))
        return result


def cost(loss: WeightedTerms, image: Tensor, version: Tensor) -> StepCost:
    """Measure `loss` and L1 between `version` and `image`, both (N, C, H, W); the fastest round of each counts."""
    # of a step that has all terms
    functions: list[Callable[[Tensor, Tensor], Tensor]] = [l1, partial(loss, step=0)]
    held = []
    for function in functions:
        prediction = version.clone().requires_grad_()
        with TensorMemory() as memory:
            torch.autograd.grad(function(prediction, image), prediction)
        held.append(memory.peak)
    fastest = [float("inf")] * len(functions)
    began = time.monotonic()
    for rounds in range(ROUNDS):
        if rounds and time.monotonic() - began > SECONDS:
            break
        for index, function in enumerate(functions):
            fastest[index] = min(fastest[index], _seconds(function, image, version))
    own, reference = 1000 * fastest[1], 1000 * fastest[0]
    return StepCost(reference, own, own / reference, held[0], held[1], held[1] / held[0])


def _seconds(function: Callable[[Tensor, Tensor], Tensor], image: Tensor, version: Tensor) -> float:
    prediction = version.clone().requires_grad_()
    # reading a value waits for the device
    float(prediction.detach()[0, 0, 0, 0])
    began = time.perf_counter()
    (gradient,) = torch.autograd.grad(function(prediction, image), prediction)
    float(gradient[0, 0, 0, 0])
    return time.perf_counter() - began


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
