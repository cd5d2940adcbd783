"""config/losses.yaml: what each loss is; the section `losses` of a scale says what differs there."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from lossbench.errors import UserError
from lossbench.records import Strict

FILE = "losses.yaml"
"""In the folder of the configuration."""


class Loss(Strict):
    """What the configuration calls a loss: a file of lossbench/losses with its arguments and its loss network."""

    loss: str | None = None
    """File of lossbench/losses when the entry's name is another, so that a table can hold variants of one loss."""
    loss_network: str | None = None
    """A name of the scale's `loss_networks`."""
    arguments: dict[str, Any] = {}
    per_task: dict[str, dict[str, Any]] = {}
    """Arguments that differ for a task."""
    as_long_as: str | None = None
    """A name of a loss: this one's run takes as many more steps as cost what that one's run costs, by the measured
    costs of their steps."""
    pays_pretraining: bool = False
    """Whether what the loss network of `as_long_as` cost to train is paid for in steps too."""
    steps_factor: Annotated[float, Field(ge=1)] | None = None
    """How many times the recipe's steps this one's run takes, stated: no cost need then be measured for it."""
    source: str = ""


def parse(content: Any, where: str) -> dict[str, Loss]:
    """Return the losses of the file `where` by name; raises UserError naming the entry and the key on bad input."""
    if not isinstance(content, dict):
        raise UserError(f"{where}: no mapping of names to losses (got {content!r})")
    return {str(name): Loss.parse(entry, f"{where}: {name}") for name, entry in content.items()}


def at_scale(losses: Mapping[str, Loss], differing: Mapping[str, Loss]) -> dict[str, Loss]:
    """Return `losses` with what differs at a scale, arguments one by one, and with the losses that it alone has."""
    changed = {name: _over(losses[name], own) if name in losses else own for name, own in differing.items()}
    return {**losses, **changed}


def _over(loss: Loss, own: Loss) -> Loss:
    tasks = {**loss.per_task, **own.per_task}
    merged = {
        "arguments": {**loss.arguments, **own.arguments},
        "per_task": {task: {**loss.per_task.get(task, {}), **own.per_task.get(task, {})} for task in tasks},
    }
    return loss.model_copy(update={**{name: getattr(own, name) for name in own.model_fields_set}, **merged})
