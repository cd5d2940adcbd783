"""What the heads of an R-LPIPS depend on: a trunk's architecture, judgements, a recipe and perhaps an attack."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PositiveInt, model_validator

from lossbench.records import Strict
from pipeline.specs.attack import TrainingAttackSpec
from pipeline.specs.recipe import Recipe


class DistanceAttackSpec(TrainingAttackSpec):
    """The attack of training and scoring: on a reference and both its variants, each in an L2 ball of its own.

    The paper's radius is 1.33 at 64 pixels. A ranking network that has learnt nothing yet is lost under it, which
    `warm_up` prevents.
    """

    steps: PositiveInt = 10


class DistanceSpec(Strict):
    """The heads of one loss network `robust_lpips`, trained to rank as people do."""

    architecture: dict[str, Any]
    """Of the loss network `robust_lpips`; its layout is that of the trunk's file."""
    dataset: str
    root: str | None = None
    """Folder of a data set with human judgements; None makes judgements for prepared pictures."""
    files: str | None = None
    """Changes with the files below `root`."""
    side: int = Field(ge=16)
    """Height and width of the images: 64 where published; below 16 the deepest features have no position."""
    recipe: Recipe
    attack: DistanceAttackSpec | None = None
    """None trains on the images as they are, as LPIPS was."""
    initial: bool = False
    """Whether the heads of a stored network are trained further, instead of random ones."""
    held_out: PositiveInt
    """Triplets scored of each validation set; where there are fewer, all."""
    seed: int

    @model_validator(mode="after")
    def _consistent(self) -> DistanceSpec:
        if self.recipe.patch != self.side:
            raise ValueError(f"the recipe's patch of {self.recipe.patch} is not the side of {self.side}")
        if self.recipe.ema is not None:
            raise ValueError("the recipe's ema must be null: the heads in use are those of the last step")
        return self
