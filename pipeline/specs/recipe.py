"""How a network is optimised: steps, batches, optimiser, schedule."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from lossbench.records import Sparse, Strict

Decay = Annotated[float, Field(ge=0, lt=1)]
"""Share of a running mean that the next step keeps."""


class Schedule(Strict):
    """Learning rate over the steps, as factors of `Recipe.learning_rate`."""

    name: Literal["constant", "steps", "cosine", "one_cycle"] = "constant"
    milestones: tuple[PositiveInt, ...] = ()
    """`steps`: the steps after which the rate is multiplied by `factor`."""
    factor: PositiveFloat = 0.5
    """`steps`: the multiplier."""
    warm_up: float = Field(0.0, ge=0, lt=1)
    """`cosine`, `one_cycle`: share of all steps in which the rate rises."""
    final: float = Field(0.0, ge=0, le=1)
    """`cosine`: last rate as a share of the highest."""


class Orthogonal(Strict):
    """When the kernels of 2-D convolutions are made orthogonal: before every so many steps, in the first steps."""

    each: PositiveInt
    """Steps from one time to the next."""
    until: float = Field(gt=0, le=1)
    """Share of all steps after which it ends."""


class Recipe(Sparse):
    """One training run's optimisation, fully resolved."""

    OPTIONAL = ("frames", "orthogonal")

    steps: int = Field(gt=0, le=10**9)
    """Optimiser steps."""
    batch: PositiveInt
    """Crops a step."""
    patch: PositiveInt
    """Side of the square low-quality crop in pixels, at least the network's LEAST_PATCH; of the target crop in
    pre-training."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: PositiveFloat
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    """`adam`, `adamw`: decay of the running means of the gradient and of its square."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """`sgd`: share of the last update's direction that the next one keeps."""
    weight_decay: float = Field(0.0, ge=0)
    schedule: Schedule = Schedule()
    clip: PositiveFloat | None = None
    """Largest gradient norm; None does not clip.

    It acts unequally between losses: a loss of larger gradients is clipped in more steps, which changes the optimiser
    with the loss. Tables say so where it is set.
    """
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay of the running mean of the weights, which is then the result; None keeps the last weights."""
    augment: bool = True
    """Flips and transposes, each with probability one half."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the trained network: `auto` is bfloat16 where the device is faster in it."""
    history: PositiveInt = 50
    """Steps between two rows of the history."""
    frames: Annotated[int, Field(ge=2, multiple_of=2)] | None = None
    """Of clips: frames in a row that the loss compares, an even number; None for pictures."""
    orthogonal: Orthogonal | None = None
    """Of denoisers of clips: kernels made orthogonal every few steps; None leaves them as they are."""
