"""Seconds of the steps of a stage, timed where the stage hands them to the training loop.

Each stage is started as a job starts it, on random pictures and on loss networks with random weights, so that networks,
arithmetic, losses, attacks and optimiser are the stage's own. The data of one step are drawn once: drawing, which runs
beside the steps, is left out.
"""

import contextlib
import functools
import importlib
import io
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from lossbench import device as devices
from lossbench import loss_networks, networks, tasks
from lossbench.errors import UserError
from lossbench.tasks import NoisyTask
from lossbench.video.windows import frames_for
from pipeline.dividing.division import Batch, Division
from pipeline.learning import loop
from pipeline.learning.run import Run
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.planning.job import Name
from pipeline.planning.measured_steps import DISTANCE, Measurement, architecture_of, key_of, loss_network_of
from pipeline.planning.plan import Plan
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec

WARM_UP, LEAST, MOST = 3, 5, 20
"""Steps that are not timed, and how many are."""
SECONDS = 1.5
"""Timed steps end about then, but for the least number of them."""
CPU_REPETITIONS = 5
"""Times that a CPU times its steps, of which the cheapest counts: other work on the machine only makes them dearer."""
STILL = 1e-12
"""Learning rate: random pictures have nothing to teach, and weights that stay are never out of range."""
MARGIN = 8
"""Pixels by which the pictures exceed the crops."""


class Timed(BaseException):
    """Leaves a stage when its steps are timed; no error, so that nothing on the way handles it."""

    def __init__(self, seconds: float) -> None:
        """Take the seconds of a step."""
        super().__init__(f"{seconds} s a step")
        self.seconds = seconds


def timing_fit(
    model: nn.Module,
    recipe: Recipe,
    identity: loop.Identity,
    draw: Callable[[int], Batch],
    loss: Callable[[int, Batch], loop.StepLoss],
    device: torch.device,
    division: Division = loop.WHOLE,
    clock: Callable[[], float] = time.perf_counter,
    repetitions: int = 1,
    chosen: Callable[[list[float]], float] = statistics.median,
    every: int = 1,
) -> NoReturn:
    """Take the place of the training loop: time steps of it and raise `Timed` with the `chosen` of them.

    They are of one process that does the whole batch, however a run has it. Of steps of which each `every`-th is
    dearer, what counts is the mean over so many in a row.
    """
    handed = (model, recipe, identity, draw(0), loss, device)
    seconds = functools.partial(intervals, handed, clock=clock, every=every)
    [pace] = seconds(1)
    steps = min(MOST, max(LEAST, math.ceil(SECONDS / pace)))
    raise Timed(chosen([each for _ in range(repetitions) for each in seconds(steps)]))


def intervals(
    handed: tuple[Any, ...], steps: int, *, clock: Callable[[], float], every: int = 1, warm_up: int = WARM_UP
) -> list[float]:
    """Return the seconds of `steps` steps, each a mean over `every` in a row, after `warm_up`.

    `handed` is what the loop's `fit` was given, with data in place of what draws them. The last step is one more.
    """
    model, recipe, identity, given, loss, device = handed
    data: Batch = given
    starts: list[float] = []

    def started(step: int) -> Batch:
        # the loop itself waits for the loss of every step, at the next one, so that starts are a step apart
        starts.append(clock())
        return data

    count = warm_up + steps + every
    changes = {"steps": count, "history": count, "learning_rate": STILL}
    loop.fit(model, recipe.model_copy(update=changes), identity, started, loss, device)
    pairs = zip(starts[warm_up:-every], starts[warm_up + every :], strict=True)
    return [(later - earlier) / every for earlier, later in pairs]


def measured(what: str, plan: Plan, name: Name, stored: Path, cpu: bool = False) -> Measurement:
    """Time the steps `what` of the job `name`, by the process's time of a `cpu`; loss networks lie in `stored`."""
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        stage, key = name
        job = plan.job(stage, key)
        spec, loss_network = job.spec, loss_network_of(job)
        seconds = seconds_of(stage, spec, loss_network, Path(folder), stored, plan.config.threads, cpu)
    memory = round(torch.cuda.max_memory_allocated() / 2**20) if cuda else None
    return Measurement(what, seconds, memory, devices.choose("auto", plan.config.threads).name, torch.__version__)


def seconds_of(
    stage: str, spec: Any, loss_network: Any, folder: Path, stored: Path, threads: int, cpu: bool = False
) -> float | None:
    """Return the seconds of a step of `spec`, of its process where it is on a `cpu`; None where memory is too small.

    Raises UserError as the stage does, and where that never comes to its training loop.
    """
    every = spec.loss.arguments.get("every", 1) if isinstance(spec, TrainSpec) else 1
    fit: Callable[..., Any] = functools.partial(timing_fit, every=every) if every > 1 else timing_fit
    if cpu:
        fit = functools.partial(fit, clock=time.process_time, repetitions=CPU_REPETITIONS, chosen=min)
    try:
        begin(stage, spec, loss_network, folder, stored, threads, fit)
    except Timed as timed:
        return timed.seconds
    except RuntimeError as error:
        if "out of memory" not in str(error).lower():
            raise
        return None
    raise UserError(f"pipeline.{stage} ended and never came to its training loop `fit`")


def begin(
    stage: str, spec: Any, loss_network: Any, folder: Path, stored: Path, threads: int, fit: Callable[..., Any]
) -> None:
    """Run a stage in `folder` on random pictures up to its training loop, whose place `fit` takes."""
    module = importlib.import_module(f"pipeline.{stage}")
    spec, files = prepared(spec, loss_network, folder, stored)
    with patch("pipeline.learning.run.fit", fit), contextlib.redirect_stdout(io.StringIO()):
        module.main(spec, "benchmark", Run(folder / "run", "step", threads, math.inf), **files)


def prepared(spec: Any, loss_network: Any, folder: Path, stored: Path) -> tuple[Any, dict[str, Path | None]]:
    """Write to `folder` what the stage of `spec` reads; return the spec without other needs, and the files."""
    side = spec.recipe.patch + MARGIN
    files: dict[str, Path | None] = {"targets": folder / "targets/target.json"}
    changes: dict[str, Any] = {}
    match spec:
        case TrainSpec():
            # what it begins from changes no time
            changes = {"start": None}
            with torch.device("meta"):
                network = networks.build(spec.network.name, **spec.network.arguments)
                assert isinstance(network, networks.Network)
            frames = _frames(spec)
            _pictures(folder / "targets", "target", network.out_channels, side * network.scale, frames=frames)
            files["weights"] = None
            if not isinstance(tasks.load(spec.task.name), NoisyTask):
                _pictures(folder / "pairs", "low_quality", network.in_channels, side, frames=frames)
                files["pairs"] = folder / "pairs/low_quality.json"
            if loss_network is not None:
                files["weights"] = _stored(*architecture_of(loss_network), stored)
        case PretrainSpec():
            with torch.device("meta"):
                encoder: Any = loss_networks.build(spec.loss_network, **spec.architecture)
            assert spec.recipe is not None
            _pictures(folder / "targets", "target", encoder.bands, side, frames=spec.recipe.frames)
        case ClassifierSpec():
            _pictures(folder / "targets", "target", 3, side, spec.classes)
            changes = {"root": None, "initial": "scratch"}
        case DistanceSpec():
            _pictures(folder / "targets", "target", 3, side)
            with torch.device("meta"):
                distance: Any = loss_networks.build(DISTANCE, **spec.architecture)
            files["trunk"] = _stored("vgg16", {"layout": distance.architecture["layout"]}, stored)
            changes = {"root": None, "initial": False}
    return spec.model_copy(update=changes), files


def _frames(spec: TrainSpec) -> int | None:
    """Return how many frames the crops of a training on clips have; None for pictures."""
    outputs, window = spec.recipe.frames, networks.window(spec.network.name)
    return frames_for(outputs, window) if outputs and window else outputs


def _pictures(folder: Path, role: str, bands: int, side: int, classes: int = 1, frames: int | None = None) -> None:
    """Write random pictures, or clips of some frames, one of each class for training and one for scoring."""
    size = (side, side, bands) if frames is None else (frames, side, side, bands)
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    groups = [(split, f"{label:05d}") for split in ("train", "test") for label in range(classes)]
    entries = (Entry(f"{group}-{split}", split, pixels, group, "", group=group) for split, group in groups)
    write_arrays(folder, role, entries, {"dataset": "random"})


def _stored(kind: str, architecture: dict[str, Any], folder: Path) -> Path:
    """Return the file of a loss network with random weights; it is made once."""
    path = folder / f"{kind}-{key_of(repr(sorted(architecture.items())))}.safetensors"
    if not path.exists():
        loss_networks.save(loss_networks.build(kind, **architecture), path, {"source": "random weights"})
    return path
