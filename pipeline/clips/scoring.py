"""Score clips: restored frame by frame, every metric a clip, and the first frames of what was restored to look at."""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench import metrics, tasks
from lossbench.errors import UserError
from lossbench.files import written_atomically
from lossbench.images import largest
from lossbench.metrics import Protocol
from lossbench.names import fitting
from lossbench.tasks import NoisyTask
from lossbench.tasks._answers import made
from lossbench.video.clips import LEAST_FRAMES, require_frames, truth
from lossbench.video.restore import Settings, clip_restorer
from pipeline.outputs.arrays import Arrays, Item
from pipeline.outputs.remedies import files_of_stages
from pipeline.specs.evaluate import ClipScoring, EvaluateSpec, MetricSpec

Floats = NDArray[np.float32]
Integers = NDArray[np.uint8 | np.uint16]
Restored = Callable[["Inputs"], Iterator[Floats]]
Row = dict[str, Any]


class Inputs:
    """What of one clip is restored, at one level of noise."""

    def __init__(
        self, task: tasks.Task, target: Integers, stored: Integers | None, name: str, sigma: float | None
    ) -> None:
        """Take the target (T, H, W, C), and what is stored of the low quality where no noise of `sigma` is added."""
        self.task, self.target, self.stored, self.name, self.sigma = task, target, stored, name, sigma

    def frames(self) -> Iterator[Floats]:
        """Give the frames (H, W, C) in [0, 1], noise aside, from the first on."""
        if self.stored is not None:
            yield from (_unit(frame) for frame in self.stored)
            return
        assert isinstance(self.task, NoisyTask) and self.sigma is not None
        for number, frame in enumerate(self.target):
            yield self.task.noisy(frame[None], self.name, self.sigma, number)[0]

    @property
    def told(self) -> float | None:
        """Return the standard deviation of the noise in units of [0, 1]."""
        return None if self.sigma is None else self.sigma / 255


class Mean:
    """One metric of one clip, from pairs of frames as they come."""

    def __init__(self, metric: MetricSpec) -> None:
        """Take frames in runs of as many as the metric needs at once, or all where it says nothing."""
        self.metric = metric
        self.used = metrics.protocol_of(metric.file, Protocol(metric.colour, metric.crop, metric.rounding))
        self.length: int | None = getattr(metrics.load(metric.file), "FRAMES_AT_ONCE", None)
        self.held: deque[tuple[Floats, Floats]] = deque(maxlen=self.length)
        self.values: list[float] = []
        self.seen = 0

    def add(self, prediction: Floats, target: Floats) -> None:
        """Take one frame (C, H, W) of both."""
        if self.metric.frames is not None and self.seen >= self.metric.frames:
            return
        self.seen += 1
        self.held.append((prediction, target))
        if len(self.held) == self.length:
            self.values.append(self._score())

    def value(self) -> float:
        """Return the metric of the clip; raises UserError for a clip of too few frames."""
        return float(np.mean(self.values)) if self.values else self._score()

    def _score(self) -> float:
        ours, theirs = (np.stack(frames) for frames in zip(*self.held, strict=True))
        return metrics.score(self.metric.file, ours, theirs, protocol=self.used)


def scored(
    spec: EvaluateSpec,
    targets: Arrays,
    pairs: Arrays | None,
    models: list[Path],
    pictures: Path,
    neighbours: Path,
    threads: int,
) -> Iterator[Row]:
    """Give one row a clip and metric; write the first restored frames of each clip to the folder `pictures`.

    A clip is what statistics count. A metric of several noise levels is the mean over them; a still is the target of
    every frame. Kept are uint8 arrays (frames, H, W, C), a file `<clip>.npy` a clip. The folder `neighbours` keeps what
    searches for patches find, for every evaluation of these clips. Raises UserError naming the metric and the clip that
    it can't score, and a clip that is too short for the network.
    """
    assert spec.clip is not None
    task, restored = tasks.load(spec.task.name), _restorer(spec, models, neighbours, threads)
    low_items = {item.name: item for item in pairs.split(spec.split) if item.target is None} if pairs else {}
    for item in targets.split(spec.split):
        if pairs and item.name not in low_items:
            raise UserError(
                f"'{item.name}' of split '{spec.split}' has no low quality; delete what is prepared and rerun"
            )
        target, stored = targets.read(item), pairs.read(low_items[item.name]) if pairs else None
        if stored is not None:
            target, stored = truth(target, len(stored)), stored[: spec.clip.frames]
        require_frames(item.name, len(target), LEAST_FRAMES)
        yield from _rows(spec, task, item, target[: spec.clip.frames], stored, restored, pictures)


def _rows(
    spec: EvaluateSpec,
    task: tasks.Task,
    item: Item,
    target: Integers,
    stored: Integers | None,
    restored: Restored,
    pictures: Path,
) -> Iterator[Row]:
    assert spec.clip is not None
    found: dict[str, list[float]] = {metric.name: [] for metric in spec.metrics}
    levels, wanted = _levels(spec), spec.clip.keep_sigma or 0
    shown = min(levels, key=lambda level: abs((level or 0) - wanted))
    for sigma in levels:
        means = [Mean(metric) for metric in spec.metrics if _is_of(metric, sigma)]
        kept: list[NDArray[np.uint8]] = []
        inputs = Inputs(task, target, stored, item.name, sigma)
        try:
            for prediction, truly in zip(restored(inputs), target, strict=True):
                ours, theirs = (frame.transpose(2, 0, 1) for frame in (prediction, _unit(truly)))
                for mean in means:
                    mean.add(ours, theirs)
                if sigma == shown and len(kept) < spec.clip.keep_frames:
                    kept.append(np.rint(prediction * 255).astype(np.uint8))
            for mean in means:
                found[mean.metric.name].append(mean.value())
        except UserError as error:
            raise UserError(f"clip '{item.name}': {error}") from None
        if kept:
            _keep(pictures / fitting(item.name, ".npy"), np.stack(kept))
    for metric in spec.metrics:
        value = float(np.mean(found[metric.name]))
        if np.isnan(value):
            raise UserError(f"{metric.name} of clip '{item.name}' is not a number; look at the clip")
        used = Mean(metric).used
        convention = {"colour": used.colour, "crop": used.crop, "rounding": used.rounding}
        yield {"image": item.name, "picture": item.name, "metric": metric.name, "value": value, **convention}


def _levels(spec: EvaluateSpec) -> list[float | None]:
    """Return the noise levels that a metric is taken at; None alone where there is no noise."""
    levels: list[float | None] = [*sorted({sigma for metric in spec.metrics for sigma in metric.sigmas or ()})]
    return levels or [None]


def _is_of(metric: MetricSpec, sigma: float | None) -> bool:
    return sigma is None or sigma in (metric.sigmas or ())


def _restorer(spec: EvaluateSpec, models: list[Path], neighbours: Path, threads: int) -> Restored:
    """Return the function from what is restored to predictions (H, W, C) in [0, 1], frame by frame."""
    if spec.answer == "ground_truth":
        return lambda inputs: (_unit(frame) for frame in inputs.target)
    if spec.network is None:
        return lambda inputs: _untrained(spec, inputs)
    if not models:
        raise UserError(f"network '{spec.network.name}' needs --model")
    name, arguments, settings = spec.network.name, spec.network.arguments, _settings(spec, spec.clip)
    with files_of_stages():
        each = [clip_restorer(name, arguments, model, settings, threads, neighbours) for model in models]
    if (how := spec.answer) is None:
        (alone,) = each
        return lambda inputs: alone(inputs.frames(), inputs.told)
    return lambda inputs: (
        made(how, frames) for frames in zip(*(one(inputs.frames(), inputs.told) for one in each), strict=True)
    )


def _settings(spec: EvaluateSpec, clip: ClipScoring | None) -> Settings:
    assert clip is not None
    return Settings(spec.tile, clip.chunk, clip.overlap)


def _untrained(spec: EvaluateSpec, inputs: Inputs) -> Iterator[Floats]:
    """Give the answer without training: of noise what is in range, else what the task makes of the stored clip."""
    if inputs.stored is None:
        yield from (frame.clip(0, 1) for frame in inputs.frames())
        return
    answer = tasks.answer(inputs.task, str(spec.trivial))
    yield from (_unit(frame) for frame in answer(np.asarray(inputs.stored), spec.task.settings))


def _unit(pixels: Integers) -> Floats:
    """Return integers of full range in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(largest(pixels.dtype))


def _keep(path: Path, clip: NDArray[np.uint8]) -> None:
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.save(file, clip, allow_pickle=False)
