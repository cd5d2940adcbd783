"""What a loss costs beside L1: time and memory of forward and backward, measured in turns on the same crops.

On a CPU one thread does the work and its own time counts, since several wait for each other where other work runs.
"""

import math
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lossbench.terms import WeightedTerms, l1

ROUNDS, SECONDS = 9, 3.0
"""Most rounds of the timing, and the time after which no further one starts."""
BLOCK, MOST = 0.01, 1000
"""Seconds that a step is repeated for, since a short one alone is lost in what surrounds it, and most repetitions."""

Step = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class StepCost:
    """Forward and backward of one batch: milliseconds, and bytes of tensors held at once beyond what was there.

    Times are medians of rounds, on a CPU those of one thread.
    """

    l1_milliseconds: float
    loss_milliseconds: float
    time_ratio: float
    """Median of what the loss takes over what L1 does in the same round."""
    least_time_ratio: float
    most_time_ratio: float
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
    """Measure `loss` and L1 between `version` and `image`, both (N, C, H, W), in turn."""
    # of a step that has all terms
    steps: list[Step] = [l1, partial(loss, step=0)]
    held = []
    for step in steps:
        prediction = version.clone().requires_grad_()
        with TensorMemory() as memory:
            torch.autograd.grad(step(prediction, image), prediction)
        held.append(memory.peak)
    rounds: list[tuple[float, float]] = []
    with _alone(image.device):
        began = time.monotonic()
        first = [_seconds(step, image, version) for step in steps]
        counts = [min(MOST, math.ceil(BLOCK / max(seconds, BLOCK / MOST))) for seconds in first]
        while len(rounds) < ROUNDS and not (rounds and time.monotonic() - began > SECONDS):
            reference, own = (_seconds(step, image, version, count) for step, count in zip(steps, counts, strict=True))
            rounds.append((reference, own))
    ratios = [own / reference for reference, own in rounds]
    reference, own = (1000 * median(seconds) for seconds in zip(*rounds, strict=True))
    times = (reference, own, median(ratios), min(ratios), max(ratios))
    return StepCost(*times, held[0], held[1], held[1] / held[0])


@contextmanager
def _alone(device: torch.device) -> Iterator[None]:
    """Let a CPU work with one thread in the block."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _seconds(step: Step, image: Tensor, version: Tensor, count: int = 1) -> float:
    """Return the seconds of a step, the mean of `count` of them."""
    prediction = version.clone().requires_grad_()
    # other processes take no time of this one's; a GPU has no such clock
    clock = time.process_time if image.device.type == "cpu" else time.perf_counter
    # reading a value waits for the device
    float(prediction.detach()[0, 0, 0, 0])
    began = clock()
    for _ in range(count):
        (gradient,) = torch.autograd.grad(step(prediction, image), prediction)
    float(gradient[0, 0, 0, 0])
    return (clock() - began) / count


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
