"""How the batch of a step is divided: over processes, one a GPU, and in each over parts that follow one another.

The processes are accelerate's: it gives each its device and adds up what they found. None of it is imported where one
process does the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lossbench.errors import UserError, one_line

Batch = list[NDArray[Any]]


@dataclass(frozen=True)
class Division:
    """The part of a batch that this process does, and in how many passes."""

    processes: int = 1
    place: int = 0
    """Of this process, from 0."""
    parts: int = 1
    """Passes a step."""

    @property
    def whole(self) -> bool:
        """Return whether one pass of one process sees the whole batch."""
        return self.count == 1

    @property
    def first(self) -> bool:
        """Return whether this process writes the files."""
        return self.place == 0

    @property
    def count(self) -> int:
        """Return the number of parts of a batch."""
        return self.processes * self.parts

    def parts_of(self, data: Batch) -> Iterator[tuple[int, Batch]]:
        """Give the parts of this process and the place of their first picture; all arrays have the batch's axis first.

        Raises UserError for a batch that can't be divided.
        """
        batch = len(data[0])
        if batch % self.count:
            raise UserError(
                f"a batch of {batch} is not divided by {self.processes} processes times {self.parts} parts; change the "
                "recipe's batch, gpus or accumulate of the scale"
            )
        size = batch // self.count
        for part in range(self.parts):
            first = (self.place * self.parts + part) * size
            yield first, [np.ascontiguousarray(values[first : first + size]) for values in data]

    def added(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over the processes, the same in all of them to the bit.

        Raises UserError where one of them is no longer there.
        """
        if self.processes == 1:
            return values
        from accelerate.utils import reduce

        try:
            summed: Tensor = reduce(values, "sum")
        except RuntimeError as error:
            raise UserError(
                f"the {self.processes} processes of this training lost each other ({one_line(str(error))[:200]}); run "
                "it again: it goes on from its checkpoint"
            ) from None
        return summed

    def total(self, value: float | None, device: torch.device) -> float | None:
        """Return the sum of a number over the processes; None where one has none."""
        if self.processes == 1:
            return value
        known = torch.tensor([value or 0.0, value is not None], dtype=torch.float64, device=device)
        summed, count = self.added(known).tolist()
        return summed if count == self.processes else None

    def leave(self) -> None:
        """End the work with the other processes, and the process where it is not the first: files are written next."""
        if self.processes == 1:
            return
        from accelerate import PartialState

        PartialState().destroy_process_group()
        if not self.first:
            raise SystemExit(0)

    def prepared(self, model: nn.Module, label: str) -> nn.Module:
        """Return `model` with statistics of whole batches where it has batch normalisation.

        Raises UserError where these can't be had: in parts that follow one another, and on CPUs.
        """
        # a part that is frozen keeps its own mode
        layers = model.train().modules()
        if self.whole or not any(isinstance(layer, _BatchNorm) and layer.training for layer in layers):
            return model
        name = f"{label}: {type(model).__name__} has batch normalisation, whose statistics are those of a whole batch"
        if self.parts > 1:
            raise UserError(f"{name}: accumulate {self.parts} would take those of a part; set accumulate to 1")
        if not torch.cuda.is_available():
            raise UserError(f"{name}: torch has none over {self.processes} processes without GPUs; take one process")
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return converted


def begun(processes: int, parts: int) -> Division:
    """Return the division of this process, one of `processes` that were launched, each with its own GPU if there are.

    Raises UserError where they were not launched, and for numbers below one.
    """
    for name, value in (("--processes", processes), ("--accumulate", parts)):
        if value < 1:
            raise UserError(f"{name} {value}: give 1 or more")
    if processes == 1:
        return Division(parts=parts)
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    if state.num_processes != processes:
        raise UserError(f"--processes {processes}: this is one process; run the stage by its command line")
    return Division(processes, state.process_index, parts)
