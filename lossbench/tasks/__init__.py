"""Tasks by name: what a network is given, what it is compared with, and what it has to beat without training."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lossbench import plugins

FOLDER = "tasks"

Pixels = NDArray[Any]
"""A picture (H, W, C), or a clip (T, H, W, C), of 8 or 16 bit."""
TaskSettings = dict[str, Any]
"""What a configuration sets; each function of a task raises UserError naming one that is unknown or wrong."""
Answer = Callable[[Pixels, TaskSettings], Pixels]
"""From the low quality to what stands in the place of a prediction."""


class Task(Protocol):
    """What a file of this folder holds."""

    SOURCE: str
    """Where the task is defined."""
    TRIVIAL: str
    """What tables call the answer `trivial`."""

    @property
    def ALSO_TRIVIAL(self) -> tuple[str, ...]:  # noqa: N802
        """Names of further answers without training, each an `Answer` of the file and a row of its own."""

    def scale(self, settings: TaskSettings) -> int:
        """Return target size / low-quality size."""

    def versions(self, settings: TaskSettings) -> int:
        """Return how many low-quality versions of each training picture are made."""

    def reference(self, target: Pixels, settings: TaskSettings) -> Pixels:
        """Return the part of a prepared `target` that predictions are compared with."""

    def degrade(self, target: Pixels, settings: TaskSettings, generator: np.random.Generator) -> Pixels:
        """Return the low quality of a `reference`, where the data set ships none; all chance is of `generator`."""

    def trivial(self, low_quality: Pixels, settings: TaskSettings) -> Pixels:
        """Return the answer that every network has to beat."""


@runtime_checkable
class CombiningTask(Task, Protocol):
    """A task whose low quality is made of the target and of what the data set ships; else that alone is it."""

    def combine(self, target: Pixels, shipped: Pixels, settings: TaskSettings) -> Pixels:
        """Return the low quality of a prepared `target`; raises UserError when `shipped` does not fit it."""


@runtime_checkable
class PairingTask(Task, Protocol):
    """A task whose training pairs are drawn anew in each step, of targets alone."""

    def training_pair(
        self, target: Pixels, settings: TaskSettings, generator: np.random.Generator
    ) -> tuple[Pixels, Pixels]:
        """Return what a network is given of the crop `target`, and what its prediction is compared with."""


@runtime_checkable
class StreamedTask(Task, Protocol):
    """A task of clips, whose low quality is made frame by frame so that no clip is held whole."""

    def degrade_frames(
        self, frames: Iterable[Pixels], settings: TaskSettings, generator: np.random.Generator
    ) -> Iterator[Pixels]:
        """Give the low quality of the frames (H, W, C) of one clip, as `degrade` makes it of the whole clip."""


@runtime_checkable
class NoisyTask(Task, Protocol):
    """A task of clips of which no low quality is stored: noise of some levels is added where frames are read."""

    def levels(self, settings: TaskSettings) -> tuple[float, ...]:
        """Return the standard deviations that a clip is scored at, in 8-bit levels."""

    def training_levels(self, settings: TaskSettings) -> tuple[float, float]:
        """Return the lowest and highest standard deviation of training, in 8-bit levels."""

    def noisy(
        self, frames: Pixels, clip: str, sigma: float, first: int = 0, corner: tuple[int, int] = (0, 0)
    ) -> NDArray[np.float32]:
        """Return `frames` (T, H, W, C) of a clip from frame `first` on in [0, 1], with the noise that is the clip's."""


def of_clips(name: str) -> bool:
    """Return whether the task `name` is one of clips, by the constant `CLIPS` of its file: nothing is imported."""
    return bool(plugins.constant(FOLDER, name, "CLIPS", False))


def load(name: str) -> Task:
    """Return the task `name`; raises UserError with the nearest match for an unknown one."""
    return cast(Task, plugins.load(FOLDER, name))


def answer(task: Task, name: str) -> Answer:
    """Return the answer that tables call `name`: `TRIVIAL` or one of `ALSO_TRIVIAL`."""
    if name == task.TRIVIAL:
        return task.trivial
    if name not in task.ALSO_TRIVIAL:
        raise KeyError(name)
    return cast(Answer, vars(task)[name])
