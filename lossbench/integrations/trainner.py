"""traiNNer-redux: importing this registers the losses `LossbenchLoss` and `LossbenchPerceptualLoss`."""

from typing import Any

import torch
from torch import Tensor
from traiNNer.utils.registry import LOSS_REGISTRY

from lossbench.errors import UserError
from lossbench.integrations.registered import RegisteredLoss, tell_step_to

__all__ = ["LossbenchLoss", "LossbenchPerceptualLoss", "tell_step"]


@LOSS_REGISTRY.register()
class LossbenchLoss(RegisteredLoss):
    """A loss of lossbench in traiNNer-redux's list of `losses`.

    One entry a loss is all that the list holds, so that further losses belong under `also`.
    """

    TELLS_STEP = __name__

    def __init__(self, name: str, loss_weight: float = 1.0, **options: Any) -> None:
        """Build the loss; a weight below 0 is for models that weigh losses: they make the target of the input then."""
        model_weighs = _model_weighs()
        negative = model_weighs and isinstance(loss_weight, int | float) and loss_weight < 0
        super().__init__(name, -loss_weight if negative else loss_weight, **options)
        self.model_weighs = model_weighs
        if negative:
            self.loss_weight = -self.loss_weight

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss, times `loss_weight` where the model does not multiply by it."""
        found = self.unweighted(prediction, target)
        return found if self.model_weighs else self.loss_weight * found


@LOSS_REGISTRY.register()
class LossbenchPerceptualLoss(LossbenchLoss):
    """The same beside a pixel loss of the framework's own: `pixel` is None unless given."""

    BESIDE_PIXELS = True


def _model_weighs() -> bool:
    """Return whether the model multiplies by `loss_weight` or each loss does: versions differ, their own L1 tells."""
    try:
        own = LOSS_REGISTRY.get("L1Loss")(loss_weight=2.0)
    except KeyError:
        raise UserError(
            "LossbenchLoss: traiNNer-redux has not registered its own L1Loss yet, which tells who applies loss_weight; "
            "build losses by traiNNer.losses.build_loss"
        ) from None
    zeros = torch.zeros(1, 3, 8, 8)
    return float(own(zeros, zeros + 1)) == 1.0


def tell_step(model_class: type) -> None:
    """Let each model of `model_class`, such as `SRModel`, tell its losses of lossbench the step: `every` needs it.

    traiNNer-redux raises its counter with the last batch of a step, whose gradient is then applied.
    """
    tell_step_to(model_class, _step)


def _step(model: object, current_iter: int, current_accum_iter: int, apply_gradient: bool) -> int:
    return current_iter - 1 if apply_gradient else current_iter
