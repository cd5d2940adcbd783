"""`lossbench.create_loss`: a loss by name, its loss network found where none is given.

Stages of the pipeline build losses by `lossbench.losses.build`, which looks for nothing: what they give is a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossbench import losses, plugins
from lossbench.weights import finding, hub
from lossbench.weights.finding import Found
from lossbench.weights.stored import Stored

if TYPE_CHECKING:
    from lossbench.terms import WeightedTerms

AUTO = "auto"
"""What `weights` is where a loss network is to be found."""


def create_loss(
    name: str, *, weights: Path | str | None = AUTO, check_range: bool = True, **arguments: Any
) -> WeightedTerms:
    """Build the loss `name`, such as `create_loss("vgg", pixel="l1", weight=0.1)`.

    `weights` is the file of a stored loss network. With `auto` it is looked for where the loss needs one: made by the
    pipeline in `results/` of the current folder, fetched by `lossbench fetch weights`, or shipped with the package; the
    first of these places that has one that fits decides, and a line on standard error names the file
    (`lossbench.weights.finding` says what fits). `timm:MODEL@LAYER` takes the weights of timm's hub where none lie
    there. All else is as in `lossbench.losses.build`.

    Raises UserError naming the nearest loss or argument on a miss and for a value of no use, where no loss network is
    found, with the command that fetches one, and where several fit equally well.
    """
    if isinstance(weights, str) and weights == AUTO:
        found = automatic(name, arguments)
        given: dict[str, Any] = {} if found is None else {"weights": found.path}
        if found is not None:
            finding.say(found)
    else:
        given = {"weights": weights}
    return losses.build(name, check_range=check_range, **arguments, **given)


def automatic(name: str, arguments: dict[str, Any]) -> Found | None:
    """Return the loss network for the loss `name` with `arguments`; None where it needs none, or is from outside.

    Raises UserError as `create_loss`.
    """
    file, named = losses.split(name)
    # what is given twice is refused where the loss is built
    if named.keys() & arguments.keys() or plugins.is_outside("losses", file):
        return None
    if not plugins.constant("losses", file, "LOSS_NETWORKS"):
        return None
    plugin = plugins.load("losses", file)
    # a slip in an argument is said before anything is looked for or downloaded
    plugins.check_arguments(f"loss '{file}'", plugin.build, [*named, *arguments], also=["check_range"])
    if file == hub.LOSS:
        return hub.found({**arguments, **named})

    def fits(stored: Stored) -> bool:
        # what a loss asks of its loss network beside the kind
        return not hasattr(plugin, "fits") or bool(plugin.fits(stored.kind, arguments))

    if (found := finding.find(file, fits)) is None:
        raise finding.nothing(file, fits)
    return found
