"""What the scores of one model on one test set depend on."""

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from lossbench.colours import Colour
from lossbench.records import Strict
from pipeline.specs.train import NetworkSpec, TaskSpec


class MetricSpec(Strict):
    """A metric and the protocol under which it is taken."""

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


Made = Literal["sharpened", "mean", "ground_truth"]
"""How an answer that costs no training is made; see lossbench/tasks/_answers.py."""


class EvaluateSpec(Strict):
    """One model on one test set, without `network` the task's answer `trivial`, or an `answer` that costs no training.

    An answer is made of what the model, or several of one network, restore; the ground truth needs none.
    """

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
