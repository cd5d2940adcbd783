"""What decides the cost of a training step, in words, and the files of steps that were measured.

`benchmarks/gpu_hours.py` writes the files and the plan reads them. Imports no torch.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from lossbench.errors import UserError
from lossbench.files import written_atomically
from lossbench.records import Strict
from pipeline.config.files import check_separator, read_text
from pipeline.planning.job import File, Job
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import LossSpec, TrainSpec

FILE = "gpu_seconds.csv"
"""In the folder of the configuration: seconds on a GPU, for scales that ask for one."""
CPU_FILE = "cpu_seconds.csv"
"""Beside it, for the other scales: seconds that a process takes of a CPU, whatever else runs there."""
COLUMNS = ("key", "what", "seconds_per_step", "peak_memory_mib", "device", "torch")
OUT_OF_MEMORY = "out of memory"
"""In place of the seconds of a step for which the device is too small."""
COUNTED = " (counted, not measured)"
"""Behind the device of a step whose cost follows from others'."""
DIGITS = 12
"""Of a key."""
FREE = ("weight", "seed")
"""Arguments of a loss that change its value and not its cost."""
SIZES = ("scale", "bands")
"""Settings of a task that fix the size of the pictures."""
DISTANCE = "robust_lpips"
"""The loss network that the stage train_distance trains."""


@dataclass(frozen=True)
class Measurement:
    """One kind of training step on one device."""

    what: str
    """All that decides its cost, in words."""
    seconds: float | None
    """Of one step, the data drawn beside it; None when the device's memory did not suffice. Of the clock on a GPU, of
    the CPU that the process had without one."""
    peak_memory_mib: int | None
    """Largest memory that tensors took on a GPU; None on a CPU."""
    device: str
    torch: str
    """Version."""


def key_of(what: str) -> str:
    """Return the key of the words `what`: the first digits of their SHA-256."""
    return hashlib.sha256(what.encode()).hexdigest()[:DIGITS]


def read(path: Path) -> dict[str, Measurement]:
    """Return the measurements in the file `path` by key, none when there is no file.

    Raises UserError naming the line that can't be read or whose key is not that of its words.
    """
    if not path.is_file():
        return {}
    found: dict[str, Measurement] = {}
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    check_separator(path, list(reader.fieldnames or ()))
    for row in reader:
        try:
            if row["key"] != key_of(row["what"]):
                raise ValueError(f"the key of '{row['what']}' is {key_of(row['what'])}")
            if row["key"] in found:
                raise ValueError(f"'{row['what']}' is given twice")
            text, memory = row["seconds_per_step"], row["peak_memory_mib"]
            seconds = None if text == OUT_OF_MEMORY else float(text)
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ValueError(f"{text} seconds are no time")
            peak = int(memory) if memory else None
            found[row["key"]] = Measurement(row["what"], seconds, peak, row["device"], row["torch"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            where = f"{path}, line {reader.line_num}"
            raise UserError(f"{where}: {error!r}; delete the line and run benchmarks/gpu_hours.py") from None
    return found


def write(path: Path, measured: Mapping[str, Measurement]) -> None:
    """Write `measured` to `path` atomically, in the order of the words."""
    with written_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, one in sorted(measured.items(), key=lambda item: item[1].what):
            seconds = OUT_OF_MEMORY if one.seconds is None else f"{one.seconds:.5g}"
            memory = "" if one.peak_memory_mib is None else one.peak_memory_mib
            writer.writerow([key, one.what, seconds, memory, one.device, one.torch])


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


class Mixed(NamedTuple):
    """Two kinds of steps, of which a training takes one in every `every`-th step and the other one between."""

    every: int
    whole: str
    """Words of a step with all terms."""
    bare: str
    """Words of one with the pixel term alone."""


def mixed(spec: Strict, loss_network: Strict | None = None) -> Mixed | None:
    """Return the steps of a training with terms in every k-th step alone; None for one whose steps are all alike."""
    if not isinstance(spec, TrainSpec) or (every := spec.loss.arguments.get("every", 1)) == 1:
        return None
    rest = {key: value for key, value in spec.loss.arguments.items() if key != "every"}
    # losses with a pixel term of their own, E + P, have the squared one
    pixels = LossSpec(name="original", arguments={"pixel": rest.get("pixel", "l2")}, loss_network=None)
    whole, bare = (
        spec.model_copy(update={"loss": loss}) for loss in (spec.loss.model_copy(update={"arguments": rest}), pixels)
    )
    return Mixed(every, str(cost_words(whole, loss_network)), str(cost_words(bare)))


def step_of(measured: Mapping[str, Measurement], what: str, parts: Mixed | None = None) -> Measurement | None:
    """Return what a step `what` costs: as it was measured, else the mean over the steps that it is mixed of."""
    found = measured.get(key_of(what))
    if found is not None or parts is None:
        return found
    whole, bare = (measured.get(key_of(words)) for words in (parts.whole, parts.bare))
    if whole is None or bare is None or bare.seconds is None:
        return None
    seconds = None if whole.seconds is None else bare.seconds + (whole.seconds - bare.seconds) / parts.every
    return replace(whole, what=what, seconds=seconds, device=f"{whole.device.removesuffix(COUNTED)}{COUNTED}")


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
    frames = f"{recipe.frames} frames of " if recipe.frames else ""
    parts = [f"{recipe.batch} {unit} of {frames}{recipe.patch} px"]
    parts += [f"orthogonal every {recipe.orthogonal.each}"] if recipe.orthogonal else []
    parts += [recipe.optimizer]
    parts += ["clipped"] if recipe.clip else []
    parts += ["mean of weights"] if recipe.ema else []
    parts += [recipe.precision] if recipe.precision != "auto" else []
    return ", ".join(parts)


def _named(name: str, arguments: Mapping[str, Any]) -> str:
    """Return `name` with its arguments, such as `edsr (blocks 16, scale 4)`, in one order whatever theirs is."""
    texts = {key: one if isinstance(one, str) else json.dumps(one, sort_keys=True) for key, one in arguments.items()}
    words = [f"{key} {text}" for key, text in sorted(texts.items())]
    return f"{name} ({', '.join(words)})" if words else name
