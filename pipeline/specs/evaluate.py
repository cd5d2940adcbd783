"""What the scores of one model on one test set depend on."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from pipeline.specs._base import Strict
from pipeline.specs.train import NetworkSpec, TaskSpec


class MetricSpec(Strict):
    """A metric file and the protocol under which it is taken."""

    name: str
    colour: Literal["rgb", "y601", "gray"]
    crop: NonNegativeInt
    """Border left out on every side, in target pixels."""
    rounding: bool
    """Whether pictures are rounded to 8 bit first."""


class EvaluateSpec(Strict):
    """One model on one test set; `network` None scores the task's trivial answer."""

    task: TaskSpec
    test_set: str
    split: str
    network: NetworkSpec | None
    metrics: tuple[MetricSpec, ...]
    keep_pictures: NonNegativeInt
    """How many restored pictures, in name order, are written as PNG."""
    tile: PositiveInt | None
    """Side of the low-quality tiles in which large pictures are restored; None restores them whole."""


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
