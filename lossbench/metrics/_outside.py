"""A metric of another package or of the user: a module, an object, or a class, with the contract of this folder."""

import inspect
from functools import cache
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError

FOLDER = "metrics"
READ = {"better": "better", "unit": "unit", "over": "OVER", "weights": "WEIGHTS", "needs_label": "NEEDS_LABEL"}
"""Constants of a metric by their names in a list."""
USUAL = {"weights": (), "needs_label": False}
"""What those are that may be left out."""


@cache
def loaded(name: str, contract: tuple[str, ...]) -> Any:
    """Import the metric `name` and return it, a class made without arguments.

    Raises UserError where it lacks one of the `contract`, or what scores.
    """
    found = plugins.load(FOLDER, name)
    metric = found() if inspect.isclass(found) else found
    missing = [each for each in contract if not hasattr(metric, each)]
    if not (hasattr(metric, "score") or hasattr(metric, "score_set")):
        missing.append("score")
    if missing:
        raise UserError(f"metric '{name}' has no {', '.join(missing)}; write what lossbench.metrics.Metric says")
    return metric


def as_read(name: str) -> dict[str, Any]:
    """Return what a list says of the metric `name`, by reading its file."""
    found = {
        key: plugins.constant(FOLDER, name, variable, USUAL.get(key, plugins.REQUIRED))
        for key, variable in READ.items()
    }
    return {**found, "weights": [*found["weights"]], "source": plugins.source(FOLDER, name)}
