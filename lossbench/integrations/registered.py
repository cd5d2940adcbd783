"""A loss of lossbench as frameworks of registries build it: `type: LossbenchLoss` in an option file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar

from torch import Tensor, nn

import lossbench
from lossbench.errors import UserError, quoted
from lossbench.terms import WeightedTerms, checked_weight


class RegisteredLoss(nn.Module):
    """`loss_weight` times a loss of lossbench; all other options are the arguments of `lossbench.create_loss`.

    Called with prediction and target of shape (N, C, H, W) in [0, 1], it returns a float32 scalar.
    """

    TELLS_STEP: ClassVar[str]
    """Module whose `tell_step` hands on the number of the step."""
    BESIDE_PIXELS: ClassVar[bool] = False
    """Whether it stands beside a pixel loss of the framework's own, so that it has a pixel term only where asked to."""

    def __init__(
        self,
        name: str,
        loss_weight: float = 1.0,
        also: Sequence[Mapping[str, Any]] = (),
        **arguments: Any,
    ) -> None:
        """Build the loss `name` and add those of `also`: each the `name` and arguments of one more loss.

        The further losses have no pixel term unless they ask for one, since one is enough. Raises UserError as
        `create_loss` does, for a weight that is no number >= 0, and for an entry of `also` that is no loss.
        """
        super().__init__()
        self.loss_weight = checked_weight("loss_weight", loss_weight)
        build = _beside_pixels if self.BESIDE_PIXELS else lossbench.create_loss
        self.loss: WeightedTerms = build(name, **arguments)
        for entry in _entries(also):
            self.loss = self.loss + _beside_pixels(**entry)
        self.step: int | None = None
        """Of the optimiser, from 0; told by the model, for losses with terms in every k-th step alone."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the weighted loss; zero in a step that has no term, as one term in every k-th step alone has most.

        Raises UserError where a step is needed and nobody has told it.
        """
        return self.loss_weight * self.unweighted(prediction, target)

    def unweighted(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss without `loss_weight`."""
        if self.loss.every and self.step is None:
            name, k = next(iter(self.loss.every.items()))
            raise UserError(
                f"{type(self).__name__}: the term '{name}' is in every k-th step alone (every = {k}), and nobody tells "
                f"the step; let the model do it: from {self.TELLS_STEP} import tell_step; tell_step(SRModel)"
            )
        if not any(self.loss.is_due(name, self.step) for name in self.loss.weights):
            return prediction.new_zeros(()).float()
        found: Tensor = self.loss(prediction, target, step=self.step)
        return found


def _beside_pixels(name: str, **arguments: Any) -> WeightedTerms:
    """Build the loss `name` without its pixel term, unless `pixel` is among the arguments or it has no other term."""
    loss = lossbench.create_loss(name, **arguments)
    with_pixels = "pixel" not in arguments and {"pixel"} < loss.weights.keys()
    return lossbench.create_loss(name, pixel=None, **arguments) if with_pixels else loss


def _entries(also: object) -> Iterator[dict[str, Any]]:
    """Give the options of each further loss; raises UserError for what is no list of mappings with a name."""
    remedy = "write a list of losses, each with its name: also: [{name: vgg, weight: 0.1, weights: FILE}]"
    if isinstance(also, str | Mapping) or not isinstance(also, Sequence):
        raise UserError(f"also: {quoted(also)} is no list; {remedy}")
    for entry in also:
        if not isinstance(entry, Mapping) or "name" not in entry:
            raise UserError(f"also: {quoted(entry)} is no loss with a name; {remedy}")
        yield dict(entry)


def tell_step_to(model_class: Any, step_of: Callable[..., int]) -> None:
    """Let each model of `model_class` tell its losses of lossbench the step, before it takes it.

    `step_of` is called as `optimize_parameters` is and returns the number of the optimiser's step, from 0. Done once,
    however often it is asked for. Raises UserError for what is no model of such a framework.
    """
    taken = getattr(model_class, "optimize_parameters", None)
    if not isinstance(model_class, type) or taken is None:
        raise UserError(
            f"tell_step: {quoted(model_class)} is no class of models (no optimize_parameters); give one: SRModel"
        )
    if getattr(taken, "tells_step", False):
        return

    @wraps(taken)
    def optimize_parameters(model: Any, *arguments: Any, **named: Any) -> Any:
        step = step_of(model, *arguments, **named)
        for loss in _losses_of(model):
            loss.step = step
        return taken(model, *arguments, **named)

    optimize_parameters.tells_step = True  # type: ignore[attr-defined]
    model_class.optimize_parameters = optimize_parameters  # type: ignore[attr-defined]


def _losses_of(model: Any) -> Iterator[RegisteredLoss]:
    """Give the losses of lossbench that a model holds as attributes or in a mapping."""
    for value in vars(model).values():
        yield from (each for each in _listed(value) if isinstance(each, RegisteredLoss))


def _listed(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, Mapping) else [value]
