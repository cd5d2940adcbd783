"""What attacks that are trained against share: PGD in an L2 ball that may grow as the training goes on."""

from pydantic import Field, PositiveFloat, PositiveInt

from lossbench.records import Strict


class TrainingAttackSpec(Strict):
    """PGD in an L2 ball, in a training."""

    radius: PositiveFloat
    """L2 norm of an image in [0, 1] units at the side of the images."""
    steps: PositiveInt
    step: PositiveFloat | None = None
    """Length of a step; None is 2 radius / steps."""
    warm_up: float = Field(0.0, ge=0, lt=1)
    """Share of all training steps in which the radius grows from 0."""

    def at(self, training_step: int, training_steps: int) -> tuple[float, float | None]:
        """Return radius and length of a step in a training step (from 0); the length is None where `step` is."""
        share = min(1.0, (training_step + 1) / max(1.0, self.warm_up * training_steps))
        return share * self.radius, None if self.step is None else share * self.step
