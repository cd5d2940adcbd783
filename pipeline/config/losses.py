"""config/losses.yaml: what each loss is; the section `losses` of a scale says what differs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from lossbench.errors import UserError, nearest
from lossbench.records import Strict

FILE = "losses.yaml"
"""In the folder of the configuration."""
SEED_OFFSET = 1000
"""Added to the seeds of an A/A row."""


class OfClips(Strict):
    """What a loss is in a table of video."""

    loss: str
    """File of lossbench/losses."""
    loss_network: str
    """A name of the scale's `loss_networks`."""


class Loss(Strict):
    """What the configuration calls a loss: a file of lossbench/losses with its arguments and its loss network."""

    loss: str | None = None
    """File of lossbench/losses when the entry's name is another, so that a table can hold variants of one loss; or a
    loss from outside, `package.module:Name` or what an installed package offers."""
    loss_network: str | None = None
    """A name of the scale's `loss_networks`."""
    arguments: dict[str, Any] = {}
    per_task: dict[str, dict[str, Any]] = {}
    """Arguments that differ for a task."""
    again_of: str | None = None
    """A name of a loss that this one is in all else, under other seeds: for an A/A row of a table."""
    as_long_as: str | None = None
    """A name of a loss: this one's run takes as many more steps as cost what that one's run costs, by the measured
    costs of their steps."""
    pays_pretraining: bool = False
    """Whether what the loss network of `as_long_as` cost to train is paid for in steps too."""
    steps_factor: Annotated[float, Field(ge=1)] | None = None
    """How many times the recipe's steps this one's run takes, stated: no cost need then be measured for it."""
    of_clips: OfClips | None = None
    """What it is in a table of video, where that is another file and loss network."""
    source: str = ""

    def for_clips(self) -> Loss:
        """Return what it is in a table of video."""
        own = self.of_clips
        return self.model_copy(update={"loss": own.loss, "loss_network": own.loss_network}) if own else self


def parse(content: Any, where: str) -> dict[str, Loss]:
    """Return the losses of the file `where` by name; raises UserError naming the entry and the key on bad input."""
    if not isinstance(content, dict):
        raise UserError(f"{where}: no mapping of names to losses (got {content!r})")
    return {str(name): Loss.parse(entry, f"{where}: {name}") for name, entry in content.items()}


def at_scale(losses: Mapping[str, Loss], differing: Mapping[str, Loss]) -> dict[str, Loss]:
    """Return `losses` with what differs at a scale, arguments one by one, and with the losses that it alone has."""
    changed = {name: _over(losses[name], own) if name in losses else own for name, own in differing.items()}
    named = {**losses, **changed}
    return {name: _again(name, loss, named) for name, loss in named.items()}


def _again(name: str, loss: Loss, named: Mapping[str, Loss]) -> Loss:
    """Return `loss`, or what the loss is whose A/A row it is; raises UserError where that is none or has its own."""
    if loss.again_of is None:
        return loss
    if loss.again_of not in named:
        raise UserError(f"{name}.again_of: no loss '{loss.again_of}'; {nearest(loss.again_of, named)}")
    if further := sorted(loss.model_fields_set - {"again_of", "source"}):
        raise UserError(f"{name}: {', '.join(further)}: it is '{loss.again_of}' again; leave out all but again_of")
    same = named[loss.again_of]
    if same.again_of is not None:
        raise UserError(f"{name}.again_of: '{loss.again_of}' is itself '{same.again_of}' again; name that one")
    own = {"loss": same.loss or loss.again_of, "again_of": loss.again_of}
    return same.model_copy(update={**own, "source": f"{loss.again_of} itself, under seeds {SEED_OFFSET} higher"})


def _over(loss: Loss, own: Loss) -> Loss:
    tasks = {**loss.per_task, **own.per_task}
    merged = {
        "arguments": {**loss.arguments, **own.arguments},
        "per_task": {task: {**loss.per_task.get(task, {}), **own.per_task.get(task, {})} for task in tasks},
    }
    return loss.model_copy(update={**{name: getattr(own, name) for name in own.model_fields_set}, **merged})
