"""neosr: importing this registers the losses `LossbenchLoss` and `LossbenchPerceptualLoss`."""

from typing import Any

from neosr.utils.registry import LOSS_REGISTRY

from lossbench.integrations.registered import RegisteredLoss, tell_step_to

__all__ = ["LossbenchLoss", "LossbenchPerceptualLoss", "tell_step"]


@LOSS_REGISTRY.register()
class LossbenchLoss(RegisteredLoss):
    """A loss of lossbench in any place of neosr's `train`, such as `pixel_opt` and `perceptual_opt`."""

    TELLS_STEP = __name__


@LOSS_REGISTRY.register()
class LossbenchPerceptualLoss(LossbenchLoss):
    """The same beside a pixel loss of the framework's own: `pixel` is None unless given."""

    BESIDE_PIXELS = True


def tell_step(model_class: Any) -> None:
    """Let each model of `model_class`, such as `image`, tell its losses of lossbench the step: `every` needs it.

    neosr counts batches from 1, of which `accumulate` make a step of the optimiser.
    """
    tell_step_to(model_class, lambda model, current_iter, *_, **__: (current_iter - 1) // model.accum_iters)
