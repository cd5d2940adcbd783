"""BasicSR: importing this registers the losses `LossbenchLoss` and `LossbenchPerceptualLoss`."""

from typing import Any

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from lossbench.integrations.registered import RegisteredLoss, tell_step_to

__all__ = ["LossbenchLoss", "LossbenchPerceptualLoss", "tell_step"]


@LOSS_REGISTRY.register()
class LossbenchLoss(RegisteredLoss):
    """A loss of lossbench in the place of `pixel_opt`, whose term it contains."""

    TELLS_STEP = __name__


@LOSS_REGISTRY.register()
class LossbenchPerceptualLoss(RegisteredLoss):
    """A loss of lossbench in the place of `perceptual_opt`, beside a `pixel_opt`; `pixel` is None unless given."""

    TELLS_STEP = __name__
    BESIDE_PIXELS = True

    def forward(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        """Return the weighted loss as what BasicSR's models expect here: a perceptual loss, and no style loss."""
        return super().forward(prediction, target), None


def tell_step(model_class: Any) -> None:
    """Let each model of `model_class`, such as `SRModel`, tell its losses of lossbench the step: `every` needs it.

    BasicSR counts its iterations from 1, each a step of the optimiser.
    """
    tell_step_to(model_class, lambda model, current_iter, *_, **__: current_iter - 1)
