"""What the heads of an R-LPIPS depend on: a trunk's architecture, judgements, a recipe and perhaps an attack."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pipeline.specs._base import Strict
from pipeline.specs.recipe import Recipe


class DistanceAttackSpec(Strict):
    """The attack of training and scoring: PGD on a reference and both its variants, each in an L2 ball of its own."""

    radius: PositiveFloat
    """L2 norm of each image in [0, 1] units; the paper's 1.33 belongs to 64 pixels."""
    steps: PositiveInt = 10
    step: PositiveFloat | None = None
    """Length of a step; None is 2 radius / steps."""
    warm_up: float = Field(0.0, ge=0, lt=1)
    """Share of all steps in which the radius grows from 0: a ranking network that has learnt nothing yet is lost."""


class DistanceSpec(Strict):
    """The heads of one loss network `robust_lpips`, trained to rank as people do."""

    architecture: dict[str, Any]
    """Of the loss network `robust_lpips`; its layout is that of the trunk's file."""
    dataset: str
    root: str | None = None
    """Folder of a data set with human judgements; None makes judgements for prepared pictures."""
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
