"""What decides the cost of a training step, and from steps that were measured what a plan costs. Imports no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossbench.records import Strict
from pipeline.planning.job import File, Job, Name
from pipeline.planning.measured_steps import OUT_OF_MEMORY, Measurement, key_of
from pipeline.planning.runs import same_time
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec

if TYPE_CHECKING:
    from pipeline.planning.plan import Plan

STAGES = ("pretrain", "train_classifier", "train_distance", "train")
"""Those that train, in the order in which they run."""
FREE = ("weight", "seed")
"""Arguments of a loss that change its value and not its cost."""
SIZES = ("scale", "bands")
"""Settings of a task that fix the size of the pictures."""
DISTANCE = "robust_lpips"
"""The loss network that the stage train_distance trains."""
HOUR = 3600.0
"""Seconds."""


@dataclass(frozen=True)
class Training:
    """One training of a plan."""

    what: str
    """What decides the cost of its step, in words."""
    steps: int
    as_long_as: Name | None = None
    """The training whose time this one takes."""


@dataclass
class CostRow:
    """What the trainings of one stage cost, in all or for one table."""

    table: str | None
    """None counts every job of the plan once."""
    stage: str
    jobs: int = 0
    steps: int = 0
    """Of the jobs whose step was measured."""
    gpu_hours: float = 0.0
    """Likewise."""
    unmeasured: Counter[str] = field(default_factory=Counter)
    """Number of jobs by the words of a step that was not measured, or did not fit the device."""

    @property
    def seconds_per_step(self) -> float | None:
        """Return the mean over steps; None when none was measured."""
        return self.gpu_hours * HOUR / self.steps if self.steps else None

    def summary(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        seconds = self.seconds_per_step
        return {
            **({"table": self.table} if self.table else {}),
            "stage": self.stage,
            "jobs": self.jobs,
            "steps": self.steps,
            "seconds_per_step": None if seconds is None else round(seconds, 5),
            "gpu_hours": round(self.gpu_hours, 2),
            "unmeasured_jobs": sum(self.unmeasured.values()),
        }


def cost_words(spec: Strict, loss_network: Strict | None = None) -> str | None:
    """Return in words all that decides what a step of `spec` costs; None when it trains nothing.

    Jobs with equal words differ at most in data, seeds, weights of terms, rates and numbers of steps. `loss_network` is
    the spec of the job that makes the loss network of a training, whose architecture is then named too.
    """
    match spec:
        case TrainSpec():
            return f"{_restoration(spec, loss_network)}, {_optimised(spec.recipe)}"
        case PretrainSpec(recipe=Recipe() as recipe):
            return f"pre-training of {_named(spec.loss_network, spec.architecture)}, {_optimised(recipe)}"
        case ClassifierSpec(recipe=Recipe() as recipe):
            return f"{_classifier(spec)}, {_optimised(recipe)}"
        case DistanceSpec():
            attack = f", attacked in {spec.attack.steps} steps" if spec.attack else ""
            return f"distance {_named(DISTANCE, spec.architecture)}{attack}, {_optimised(spec.recipe, 'triplets')}"
        case _:
            return None


def cost_key(spec: Strict, loss_network: Strict | None = None) -> str | None:
    """Return the key of `cost_words`, equal for jobs whose steps cost the same; None when nothing is trained."""
    words = cost_words(spec, loss_network)
    return None if words is None else key_of(words)


def trainings(plan: Plan) -> dict[Name, Training]:
    """Return every training of `plan`."""
    found = {}
    for job in (job for stage in STAGES for job in plan.jobs.get(stage, {}).values()):
        if words := cost_words(job.spec, loss_network_of(job)):
            spec: Any = job.spec
            longer = same_time(job)
            found[job.name] = Training(words, spec.recipe.steps, longer.name if longer else None)
    return found


def estimates(plan: Plan, measured: Mapping[str, Measurement]) -> list[CostRow]:
    """Return a row for each stage that trains, then for each table one for each stage that trains for it.

    Jobs that several tables need count for each of these. One whose step was not measured is counted among the jobs,
    named in `unmeasured`, and in no other number.
    """
    found = trainings(plan)
    rows = _rows(None, found, found, measured)
    for table in plan.table_names:
        rows += _rows(table, plan.needed(table), found, measured)
    return rows


def loss_network_of(job: Job) -> Strict | None:
    """Return the spec of the job that makes the loss network of the training `job`; None when it has none."""
    file = job.reads.get("weights")
    return file.job.spec if isinstance(file, File) else None


def architecture_of(made: Strict) -> tuple[str, dict[str, Any]]:
    """Return kind and arguments of the loss network that the job with the spec `made` leaves."""
    match made:
        case PretrainSpec():
            return made.loss_network, made.architecture
        case ClassifierSpec():
            return made.architecture, made.arguments
        case DistanceSpec():
            return DISTANCE, made.architecture
        case _:
            raise TypeError(f"{type(made).__name__} makes no loss network")


def _rows(
    table: str | None, names: Iterable[Name], found: Mapping[Name, Training], measured: Mapping[str, Measurement]
) -> list[CostRow]:
    rows = {stage: CostRow(table, stage) for stage in STAGES}
    for name in sorted(found.keys() & names):
        row, one = rows[name[0]], found[name]
        row.jobs += 1
        seconds = []
        for training in (one, found[one.as_long_as]) if one.as_long_as else (one,):
            step = measured.get(key_of(training.what))
            if step is None or step.seconds is None:
                row.unmeasured[training.what + (f" ({OUT_OF_MEMORY} on {step.device})" if step else "")] += 1
                break
            seconds.append((training.steps * step.seconds, step.seconds))
        else:
            # a lengthened run never has fewer steps than its recipe
            longest, own = max(seconds)[0], seconds[0][1]
            row.steps += round(longest / own)
            row.gpu_hours += longest / HOUR
    return [row for row in rows.values() if row.jobs]


def _restoration(spec: TrainSpec, loss_network: Strict | None) -> str:
    sizes = {key: spec.task.settings[key] for key in SIZES if key in spec.task.settings}
    network = _named(spec.network.name, {**sizes, **spec.network.arguments})
    loss = _named(spec.loss.name, {key: value for key, value in spec.loss.arguments.items() if key not in FREE})
    own = " with its own loss" if spec.own_loss else ""
    kind = spec.loss.loss_network
    features = _named(*architecture_of(loss_network)) if kind and loss_network else kind
    return f"{network}{own} under {loss}{f' on {features}' if features else ''}"


def _classifier(spec: ClassifierSpec) -> str:
    trunk = _named(spec.architecture, spec.arguments)
    head = f"{spec.head} head of {spec.classes} classes" + (" with dropout" if spec.dropout else "")
    frozen = ", trunk frozen" if spec.frozen_trunk else ""
    attack = f", attacked in {spec.attack.steps} steps" if spec.attack else ""
    return f"classifier {trunk}, {head}{frozen}{attack}"


def _optimised(recipe: Recipe, unit: str = "crops") -> str:
    parts = [f"{recipe.batch} {unit} of {recipe.patch} px", recipe.optimizer]
    parts += ["clipped"] if recipe.clip else []
    parts += ["mean of weights"] if recipe.ema else []
    parts += [recipe.precision] if recipe.precision != "auto" else []
    return ", ".join(parts)


def _named(name: str, arguments: Mapping[str, Any]) -> str:
    """Return `name` with its arguments, such as `edsr (blocks 16, scale 4)`, in one order whatever theirs is."""
    texts = {key: one if isinstance(one, str) else json.dumps(one, sort_keys=True) for key, one in arguments.items()}
    words = [f"{key} {text}" for key, text in sorted(texts.items())]
    return f"{name} ({', '.join(words)})" if words else name
