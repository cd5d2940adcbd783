"""What one classifier depends on: a trunk and a head, its data, how it is trained and how it is attacked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from lossbench.records import Strict
from pipeline.specs.attack import TrainingAttackSpec
from pipeline.specs.pretrain import PublicWeights
from pipeline.specs.recipe import Recipe


class AttackSpec(TrainingAttackSpec):
    """The attack of adversarial training: towards a random wrong class; the paper's radius is 5.82 at 224 pixels.

    Pretrained weights collapse under sudden strong attacks, which `warm_up` prevents.
    """

    steps: PositiveInt = 5
    pairing: NonNegativeFloat = 0.5
    """Weight of adversarial logit pairing."""


class RobustnessSpec(Strict):
    """How a finished classifier is scored."""

    radius: PositiveFloat
    """L2 norm in [0, 1] units at the side of the images; the paper's 3.88 belongs to 224 pixels."""
    steps: PositiveInt = 50
    step: PositiveFloat | None = None
    """Length of a step; None is 2 radius / steps (the paper's 0.155)."""
    untargeted_steps: int = Field(50, ge=0)
    """Steps of each untargeted attack; 0 leaves that column out. AutoAttack takes 100."""
    each: PositiveInt
    """Held-out crops of every class; where there are fewer, all."""


class ClassifierBase(Strict):
    """What the configuration says of a classifier and its spec takes over."""

    architecture: Literal["vgg16", "vgg19", "resnet50"]
    arguments: dict[str, Any] = {}
    """Of the trunk's `build`."""
    head: Literal["published", "pooled"] = "published"
    dropout: float = Field(0.0, ge=0, lt=1)
    """In a VGG's published head."""
    frozen_trunk: bool = False
    """Whether the head alone is trained, which leaves the loss network as it was given."""
    classes: int = Field(ge=2)
    side: PositiveInt
    """Height and width of the images."""
    recipe: Recipe | None = None
    attack: AttackSpec | None = None
    """None trains on clean images."""
    evaluation: RobustnessSpec
    normalised_on: PositiveInt = 1000
    """Training crops on which the mean activation of a VGG's filters is measured, to scale its trunk."""
    clean_accuracy: float | None = Field(None, gt=0, le=1)
    """What the authors of `weights` state; a network that falls short of it is refused."""


class ClassifierSpec(ClassifierBase):
    """One classifier, trained here (`recipe`) or from elsewhere (`weights`)."""

    initial: Literal["scratch", "trunk", "classifier"] = "scratch"
    """What the training starts from: random weights, a stored loss network, or a stored classifier."""
    dataset: str
    root: str | None = None
    """The user's folder of a data set that is read as it is needed; None for a prepared one."""
    files: str | None = None
    """Changes with the files below `root`."""
    weights: PublicWeights | None = None
    seed: int

    @model_validator(mode="after")
    def _consistent(self) -> ClassifierSpec:
        if (self.recipe is None) == (self.weights is None):
            raise ValueError("a classifier has either a recipe or weights")
        if self.recipe is not None and self.recipe.patch != self.side:
            raise ValueError(f"the recipe's patch of {self.recipe.patch} is not the side of {self.side}")
        if self.frozen_trunk and (self.initial == "scratch" or self.attack is not None):
            raise ValueError("a frozen trunk needs initial weights, and attacks would train the head alone")
        if self.weights is not None and (self.initial != "scratch" or self.attack is not None):
            raise ValueError("a classifier from elsewhere is not trained: it has no initial weights and no attack")
        return self
