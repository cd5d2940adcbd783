"""The one training loop: every network, every loss, and the pre-training of the loss networks."""

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lossbench.errors import UserError
from pipeline.dividing.division import Batch, Division
from pipeline.dividing.gradients import gathered, gradient_norms
from pipeline.learning import checkpoint
from pipeline.learning.energy import EnergyMeter
from pipeline.learning.optimisation import learning_rate, optimizer
from pipeline.learning.progress import Progress
from pipeline.learning.unmoved import unmoved, weights_of
from pipeline.outputs.training_words import never_moved
from pipeline.specs.recipe import Recipe

Row = dict[str, float]
WHOLE = Division()
STOPS = (signal.SIGTERM, signal.SIGINT)
"""What a cluster sends when a job's time is up, and what Ctrl-C is."""
_REMEDY = "lower the learning rate, set `clip`, or use precision float32"


@dataclass
class StepLoss:
    """What one forward pass gives back to the loop."""

    total: Tensor
    terms: dict[str, Tensor]
    """Raw, unweighted terms."""
    prediction: Tensor | None = None
    """Where the terms' gradient norms are compared; None leaves them out."""


@dataclass
class Identity:
    """What tells a run from all others, and where it keeps its state."""

    label: str
    content: dict[str, str]
    """Spec and code fingerprint: a checkpoint of any other run is refused."""
    checkpoint: Path
    checkpoint_seconds: float = 300.0


@dataclass
class Result:
    """What a finished run leaves."""

    model: nn.Module
    """The trained network, with the running mean of its weights when the recipe asks for it."""
    history: list[Row]
    seconds: float
    cpu_seconds: float
    """That the processes had of all CPUs in their steps: other work on the machine hardly changes it."""
    resumed_at: int
    joules: float | None = None
    """Energy of a GPU's run; None where it can't be read, and for a resumed run, whose beginning was not counted."""
    unmoved: dict[str, float] = field(default_factory=dict)
    """By layer the share of its weights that are bit for bit what they were before the first step."""


@dataclass
class _State:
    model: nn.Module
    recipe: Recipe
    step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    history: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = optimizer(self.recipe, self.model.parameters())
        decay = self.recipe.ema
        self.mean = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(decay)) if decay else None

    def dump(self) -> dict[str, Any]:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        return {**state, "mean": self.mean.state_dict()} if self.mean else state

    def restore(self, state: dict[str, Any]) -> None:
        self.step, self.history = state["step"], state["history"]
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        # a run may go on where there are more GPUs, fewer or none
        for gpu, random in enumerate(state["random_gpu"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(random.cpu(), gpu)
        if self.mean:
            self.mean.load_state_dict(state["mean"])


def fit(
    model: nn.Module,
    recipe: Recipe,
    identity: Identity,
    draw: Callable[[int], Batch],
    loss: Callable[[int, Batch], StepLoss],
    device: torch.device,
    division: Division = WHOLE,
) -> Result:
    """Train `model` for `recipe.steps` steps and return it; resumes from the run's checkpoint when there is one.

    `draw(step)` gives the data of a step, `loss(step, data)` the loss on them; both must depend on the step alone.
    Where the batch is divided, the loss is given a part of the data, and must be a mean over pictures.
    `model` comes with its initial weights, also to a run that goes on. Layers whose weights never moved are printed.
    Raises UserError naming the loss term when one stops being finite; the batch is then beside the checkpoint. Raises
    it also when the last update broke the weights.
    """
    state = _State(model, recipe)
    # before a checkpoint is taken over: the seed makes them again
    first = weights_of(model)
    stored, reason = checkpoint.load(identity.checkpoint, identity.content, device)
    if reason:
        print(f"{identity.label}  {reason}", flush=True)
    if stored is not None:
        state.restore(stored)
        print(f"{identity.label}  resumes at step {state.step}/{recipe.steps}", flush=True)
    resumed_at = state.step
    meter = EnergyMeter(device)
    progress = Progress(identity.label, recipe.steps, state.step)
    saved = time.monotonic()
    model.train()
    with _terminable() as terminated:
        while state.step < recipe.steps:
            began, cpu_began = time.monotonic(), time.process_time()
            data = draw(state.step)
            progress.waited += time.monotonic() - began
            due = state.step % recipe.history == 0 or state.step == recipe.steps - 1
            if division.whole:
                outcome, stopped = loss(state.step, data), False
                _require_finite(outcome, state.step, identity, data)
                norms = gradient_norms(outcome) if due else {}
                model.zero_grad(set_to_none=True)
                outcome.total.backward()
            else:
                found = gathered(division, model, loss, state.step, data, bool(terminated), due)
                outcome, norms, stopped = StepLoss(found.total, found.terms), found.norms, found.stop
                _require_finite(outcome, state.step, identity, data, write=division.first)
            _descend(state, _row(state, outcome, norms) if due else None)
            state.step += 1
            state.seconds += time.monotonic() - began
            state.cpu_seconds += time.process_time() - cpu_began
            progress.update(state.step, lambda: _floats(outcome.terms))  # noqa: B023
            # read once, so that a signal between saving and leaving can't leave without saving
            stop = list(terminated) if division.processes == 1 else [signal.SIGTERM] * stopped
            late = time.monotonic() - saved >= identity.checkpoint_seconds
            if (late or stop) and state.step < recipe.steps:
                if division.first:
                    checkpoint.save(identity.checkpoint, state.dump(), identity.content)
                saved = time.monotonic()
                if stop:
                    _leave(stop[0])
    result = state.mean.module if state.mean else model
    if not all(bool(parameter.isfinite().all()) for parameter in result.parameters()):
        raise UserError(f"{identity.label}: the weights are not finite after step {state.step}; {_REMEDY}")
    if still := unmoved(first, weights_of(model)):
        print(f"{identity.label}  weights that never moved: {never_moved(still)}", flush=True)
    cpu_seconds = division.total(state.cpu_seconds, device) or 0.0
    joules = division.total(None if resumed_at else meter.joules(), device)
    return Result(result, state.history, state.seconds, cpu_seconds, resumed_at, joules, still)


def _floats(terms: Mapping[str, Tensor]) -> Row:
    return {name: float(term.detach()) for name, term in terms.items()}


def _descend(state: _State, row: Row | None) -> None:
    """Take one optimiser step along the gradient of `state.model`; add the history's `row` when there is one."""
    recipe = state.recipe
    largest = recipe.clip if recipe.clip is not None else math.inf
    known = recipe.clip or row is not None
    norm = float(nn.utils.clip_grad_norm_(state.model.parameters(), largest)) if known else math.nan
    state.optimizer.step(learning_rate(recipe, state.step))
    if state.mean:
        state.mean.update_parameters(state.model)
    if row is not None:
        state.history.append({**row, "gradient_norm": norm})


def _row(state: _State, outcome: StepLoss, norms: Mapping[str, float]) -> Row:
    row = {"step": state.step, "learning_rate": learning_rate(state.recipe, state.step)}
    row |= _floats({"total": outcome.total, **outcome.terms})
    return row | {f"{name}_gradient_ratio": norm / norms["pixel"] for name, norm in norms.items() if name != "pixel"}


def _require_finite(outcome: StepLoss, step: int, identity: Identity, data: Batch, write: bool = True) -> None:
    if math.isfinite(float(outcome.total.detach())):
        return
    bad = [name for name, value in _floats(outcome.terms).items() if not math.isfinite(value)]
    batch = identity.checkpoint.with_name("bad_batch.npz")
    if write:
        np.savez(batch, *data)
    raise UserError(
        f"{identity.label}: loss term {' and '.join(bad) or 'total'} is not finite at step {step}; "
        f"its batch is in {batch}; {_REMEDY}"
    )


@contextmanager
def _terminable() -> Iterator[list[int]]:
    """Collect SIGTERM and the first SIGINT instead of dying of them, so that the loop can save first."""
    received: list[int] = []

    def collect(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and received:
            raise KeyboardInterrupt
        received.append(number)

    # a shell has what it runs in the background ignore SIGINT
    kinds = [kind for kind in STOPS if signal.getsignal(kind) is not signal.SIG_IGN]
    previous = {kind: signal.signal(kind, collect) for kind in kinds}
    try:
        yield received
    finally:
        for kind, handler in previous.items():
            signal.signal(kind, handler)


def _leave(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
