"""The gradient of a step whose batch is divided: the mean of those of its parts, which is that of the whole batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.losses._draws import part_of_batch
from pipeline.dividing.division import Batch, Division

LEAST_NORM = 1e-30
"""Below it a norm is not divided by."""


class Outcome(Protocol):
    """What a forward pass gives: the total, its raw terms, and the prediction where their gradients are compared."""

    total: Tensor
    terms: dict[str, Tensor]
    prediction: Tensor | None


@dataclass
class Gathered:
    """What the parts of a step gave together, the same in every process."""

    total: Tensor
    terms: dict[str, Tensor]
    norms: dict[str, float]
    """Those of `gradient_norms`, of the whole batch."""
    stop: bool
    """Whether one of the processes is to stop."""


def gradient_norms(outcome: Outcome) -> dict[str, float]:
    """Return the norm of each term's gradient at the prediction; empty where they are not compared."""
    if outcome.prediction is None or "pixel" not in outcome.terms:
        return {}
    return {name: _norm(term, outcome.prediction) for name, term in outcome.terms.items()}


def _norm(term: Tensor, prediction: Tensor) -> float:
    (gradient,) = torch.autograd.grad(term, prediction, retain_graph=True)
    return max(float(gradient.norm()), LEAST_NORM)


def gathered(
    division: Division,
    model: nn.Module,
    loss: Callable[[int, Batch], Outcome],
    step: int,
    data: Batch,
    stop: bool,
    with_norms: bool,
) -> Gathered:
    """Leave in `model` the gradient of the whole batch `data`, and return its loss; `loss` is a mean over pictures.

    `stop` says whether this process is to stop after the step: all do where one is. Random numbers are drawn for the
    whole batch in every part, so that each picture has those of its own. Raises
    UserError for a batch that can't be divided, and where something draws random numbers for the part alone.
    """
    device = next(model.parameters()).device
    model.zero_grad(set_to_none=True)
    before, sums = torch.get_rng_state(), None
    names: list[str] = []
    compared: list[str] = []
    for first, part in division.parts_of(data):
        torch.set_rng_state(before)
        unused = _random(device)
        with part_of_batch(first, len(part[0]), len(data[0])) as own:
            outcome = loss(step, part)
        if not own.drawn and not all(map(torch.equal, unused, _random(device))):
            raise UserError(
                f"{type(model).__name__} or its loss draws random numbers for a part of a batch, such as dropout, "
                "which would be others than in the whole; take one process and accumulate 1"
            )
        norms = gradient_norms(outcome) if with_norms else {}
        names, compared = list(outcome.terms), list(norms)
        numbers = [outcome.total.detach(), *(term.detach() for term in outcome.terms.values())]
        squares = torch.tensor([norm**2 for norm in norms.values()], dtype=torch.float64, device=device)
        found = torch.cat([torch.stack([number.double().to(device) for number in numbers]), squares])
        sums = found if sums is None else sums + found
        (outcome.total / division.count).backward()
    assert sums is not None
    _add_gradients(division, model)
    told = torch.tensor([stop], dtype=torch.float64, device=device)
    *values, stopped = (division.added(torch.cat([sums, told])) / division.count).unbind()
    totals, squares_of_all = values[: len(names) + 1], values[len(names) + 1 :]
    roots = [math.sqrt(float(square) / division.count) for square in squares_of_all]
    terms = dict(zip(names, totals[1:], strict=True))
    return Gathered(totals[0], terms, dict(zip(compared, roots, strict=True)), bool(stopped > 0))


def _add_gradients(division: Division, model: nn.Module) -> None:
    """Add up the gradients of the processes, all at once; weights that nothing reached stay without."""
    if division.processes == 1:
        return
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    pieces = [torch.zeros_like(one) if one.grad is None else one.grad for one in trained]
    summed = division.added(torch.cat([piece.reshape(-1) for piece in pieces]))
    for one, piece in zip(trained, summed.split([piece.numel() for piece in pieces]), strict=True):
        if one.grad is not None:
            one.grad.copy_(piece.view_as(one))


def _random(device: torch.device) -> list[Tensor]:
    """Return the state of the random numbers of the CPU and of the GPU."""
    states: Any = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states
