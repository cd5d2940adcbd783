"""Lightning: one call gives the loss of a training step and logs its terms. Imports no Lightning."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from lossbench.terms import WeightedTerms


class Logs(Protocol):
    """What is needed of a LightningModule."""

    @property
    def global_step(self) -> int:
        """Return how many steps the optimisers have taken."""

    def log_dict(self, dictionary: Mapping[str, Any], **options: Any) -> None:
        """Hand numbers to the logger."""


def logged_loss(
    module: Logs,
    loss: WeightedTerms,
    prediction: Tensor,
    target: Tensor,
    step: int | None = None,
    prefix: str = "loss/",
    **options: Any,
) -> Tensor:
    """Return the weighted sum of the terms of the step, and log them, unweighted, and their sum.

    The names are `loss/pixel`, `loss/ccmae` and so on, and `loss/total`; `options` are those of `log_dict`, such as
    `prog_bar`. The step is the module's `global_step`, which counts steps and not batches, where gradients are
    accumulated too; give another where several optimisers step, since it counts them all. Raises InputError as the
    loss does.
    """
    terms = loss.terms(prediction, target, step=module.global_step if step is None else step)
    total = loss.total(terms)
    named = {f"{prefix}{name}": value.detach() for name, value in {**terms, "total": total}.items()}
    module.log_dict(named, **options)
    return total
