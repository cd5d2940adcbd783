"""What the jobs of a trial cost on this machine: steps and scored pictures, timed here before anything is run."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lossbench import datasets, metrics, networks, tasks
from lossbench import device as devices
from lossbench.errors import UserError, tell
from lossbench.measuring.processes import cores as cores
from lossbench.metrics import Protocol
from lossbench.networks._padding import restore
from pipeline.config.read import Configuration
from pipeline.planning.cost import trainings
from pipeline.planning.job import Name
from pipeline.planning.measured_steps import loss_network_of
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.recipe import Recipe
from pipeline.timing.steps import seconds_of
from pipeline.trying.asked import Asked
from pipeline.trying.budget import Runs

HISTORY = 40
"""Rows of a history of a run."""
BATCH = re.compile(r"; its batch is in [^;]+")
"""What the training loop says of a step that it can't go on from."""
TRAINING = "train"
LOOKED_AT = 3
"""Test pictures of which the largest is timed."""


def runs(plan: Plan) -> dict[str, list[Runs]]:
    """Return by the name of the stage what the trainings of `plan` cost, a step of each kind timed once.

    Raises UserError where a step does not fit the memory, and as the stage does.
    """
    kinds: dict[tuple[str, str, int], list[Name]] = {}
    for name, one in trainings(plan).items():
        kinds.setdefault((name[0], one.what, one.steps), []).append(name)
    found: dict[str, list[Runs]] = {}
    with tempfile.TemporaryDirectory() as stored:
        for (stage, what, steps), names in kinds.items():
            seconds = _step(plan, names[0], what, Path(stored))
            found.setdefault(stage, []).append(Runs(seconds, len(names), steps))
    return found


def _step(plan: Plan, name: Name, what: str, stored: Path) -> float:
    job = plan.job(*name)
    with tempfile.TemporaryDirectory() as folder:
        try:
            seconds = seconds_of(name[0], job.spec, loss_network_of(job), Path(folder), stored, plan.config.threads)
        except UserError as error:
            # the batch that was written is of random pictures, and goes with its folder
            raise UserError(f"a step of {what}: {BATCH.sub('', str(error)).removeprefix('step: ')}") from None
    if seconds is None:
        raise UserError(f"a step of {what} does not fit the memory here; give another network")
    tell(f"try  a step takes {seconds:.3g} s: {what}")
    return seconds


def scoring_seconds(plan: Plan) -> float:
    """Return how long scoring a model of `plan` takes: its largest of some test pictures, times all.

    Raises UserError for test pictures that can't be read.
    """
    configuration = plan.configuration
    job = next(job for job in plan.jobs["evaluate"].values() if "model" in job.reads)
    spec: Any = job.spec
    assert isinstance(spec, EvaluateSpec) and spec.network is not None
    root = configuration.data_root(spec.test_set)
    dataset = datasets.load(spec.test_set)
    splits = dataset.locate(Path(root) if root else None)
    for split in (TRAINING, spec.split):
        if not splits.get(split):
            raise UserError(f"--data: the data set '{spec.test_set}' has no split '{split}'; give one that has")
    sources = splits[spec.split]
    pictures = [dataset.read(source) for source in sources[:LOOKED_AT]]
    height, width = max((picture.shape[:2] for picture in pictures), key=lambda size: size[0] * size[1])
    task = tasks.load(spec.task.name)
    factor = task.scale(spec.task.settings)
    chosen = devices.choose("float32", configuration.config.threads)
    network: Any = chosen.place(networks.build(spec.network.name, **spec.network.arguments)).eval()
    low = torch.rand(1, network.in_channels, height // factor, width // factor, device=chosen.device)
    generator = np.random.default_rng(0)
    began = time.perf_counter()
    with torch.no_grad():
        prediction = restore(network, low)[0].clamp(0, 1).cpu().numpy().astype(np.float64)
    target = generator.random(prediction.shape)
    for metric in spec.metrics:
        if not metric.loss_network:
            asked = Protocol(colour=metric.colour, crop=metric.crop, rounding=metric.rounding)
            metrics.score(metric.file, prediction, target, protocol=asked)
    return (time.perf_counter() - began) * len(sources)


def gpus() -> int:
    """Return how many GPUs a trial takes: one where there is one."""
    return int(torch.cuda.is_available())


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    """Return `recipe` with as many steps, its milestones moved with its end."""
    milestones = tuple(max(1, round(step * steps / recipe.steps)) for step in recipe.schedule.milestones)
    schedule = recipe.schedule.model_copy(update={"milestones": milestones})
    return recipe.model_copy(update={"steps": steps, "schedule": schedule, "history": max(1, steps // HISTORY)})


def pretraining_steps(configuration: Configuration, asked: Asked, share: float) -> dict[str, int]:
    """Return the steps of the loss networks of both losses by name, where they get a `share` of theirs alone."""
    named = {configuration.loss(loss).loss_network for loss in (asked.loss, asked.against)}
    found = {}
    for name in sorted(filter(None, named)) if share < 1 else ():
        entry = configuration.loss_network(name)
        if entry.recipe is not None and entry.judgements is None:
            found[name] = max(1, round(entry.recipe.steps * share))
    return found
