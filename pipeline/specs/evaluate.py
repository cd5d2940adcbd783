"""What the scores of one model on one test set depend on."""

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from lossbench.colours import Colour
from lossbench.records import Sparse, Strict
from pipeline.specs.train import NetworkSpec, TaskSpec


class MetricSpec(Sparse):
    """A metric and the protocol under which it is taken."""

    OPTIONAL = ("sigmas", "frames")

    name: str
    """The column's name."""
    file: str
    """Its file in lossbench/metrics."""
    colour: Colour
    crop: NonNegativeInt
    """Border left out on every side, in target pixels."""
    rounding: bool
    """Whether pictures are rounded to 8 bit first."""
    loss_network: str | None = None
    """The kind of the stored loss network that it rests on, or `classifier`."""
    sigmas: tuple[float, ...] | None = None
    """Of clips with noise: the levels, in 8-bit levels, whose scores' mean it is."""
    frames: PositiveInt | None = None
    """Of clips: the first frames that it is taken of; None takes all that are scored."""


class ClipScoring(Sparse):
    """How clips are scored."""

    OPTIONAL = ("keep_sigma",)
    frames: PositiveInt
    """Frames of a clip at most, the first ones."""
    keep_frames: NonNegativeInt
    """Restored frames of each clip that are kept, the first ones."""
    keep_sigma: float | None = None
    """The noise level, in 8-bit levels, nearest to which is what is kept; None where there is no noise."""
    chunk: PositiveInt
    """Frames that a network of whole clips is given at once."""
    overlap: NonNegativeInt
    """Frames that two such parts share."""


Made = Literal["sharpened", "mean", "ground_truth"]
"""How an answer that costs no training is made; see lossbench/tasks/_answers.py."""


class EvaluateSpec(Sparse):
    """One model on one test set, without `network` the task's answer `trivial`, or an `answer` that costs no training.

    An answer is made of what the model, or several of one network, restore; the ground truth needs none.
    """

    OPTIONAL = ("clip",)
    task: TaskSpec
    test_set: str
    split: str
    network: NetworkSpec | None
    trivial: str | None
    answer: Made | None = None
    metrics: tuple[MetricSpec, ...]
    keep_pictures: NonNegativeInt
    """How many restored pictures, in name order, are written as PNG."""
    tile: PositiveInt | None
    """Side of the low-quality tiles in which large pictures are restored; None restores them whole."""
    clip: ClipScoring | None = None
    """Of a task of clips; None for pictures."""


class SubmitSpec(Strict):
    """One model on a test set that only a server can score."""

    test_set: str
    root: str
    """The user's folder of the test set."""
    files: str | None = None
    """Changes with the files below `root`."""
    network: NetworkSpec
    tile: PositiveInt | None


class CompareSpec(Strict):
    """Side-by-side crops of one network under all losses."""

    task: TaskSpec
    test_set: str
    split: str
    network: str
    trivial: str
    labels: tuple[str, ...]
    """One a prediction folder, in the order of the columns."""
    pictures: NonNegativeInt
    crop: PositiveInt
    """Side of the shown crop in target pixels."""
