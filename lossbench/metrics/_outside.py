"""A metric of another package or of the user: a module, an object, or a class, with the contract of this folder."""

import inspect
from functools import cache
from typing import Any

from lossbench import plugins
from lossbench.colours import COLOURS
from lossbench.errors import UserError, nearest, quoted
from lossbench.plugins.choices import CHOICES, check_choice
from lossbench.plugins.outside import said

FOLDER = "metrics"
READ = {"better": "better", "unit": "unit", "over": "OVER", "weights": "WEIGHTS", "needs_label": "NEEDS_LABEL"}
"""Constants of a metric by their names in a list."""
USUAL = {"weights": (), "needs_label": False}
"""What those are that may be left out."""
KEYWORDS = {"weights": ("WEIGHTS", "WEIGHTS_FROM"), "label": ("NEEDS_LABEL",)}
"""What a metric is given by name, and the constants that say so."""


@cache
def loaded(name: str, contract: tuple[str, ...]) -> Any:
    """Import the metric `name` and return it, a class made without arguments.

    Raises UserError where it can't be made, lacks one of the `contract` or what scores, has a direction, colours or a
    kind that there is none of, and where what scores can't be called as ours are.
    """
    found, owner = plugins.load(FOLDER, name), f"metric '{name}'"
    metric = _made(owner, found) if inspect.isclass(found) else found
    over = getattr(metric, "OVER", None)
    scorer = "score_set" if over == "set" else "score"
    missing = [each for each in (*contract, scorer) if not hasattr(metric, each)]
    if missing:
        raise UserError(f"{owner} has no {', '.join(missing)}; write what lossbench.metrics.Metric says")
    for variable in CHOICES[FOLDER]:
        check_choice(owner, FOLDER, variable, getattr(metric, variable))
    _check_colours(owner, metric.colours)
    keywords = [word for word, says in KEYWORDS.items() if all(getattr(metric, each, False) for each in says)]
    _check_call(owner, scorer, getattr(metric, scorer), keywords)
    return metric


def _made(owner: str, found: type) -> Any:
    try:
        return found()
    except (UserError, MemoryError):
        raise
    # whatever the code of another package raises
    except Exception as error:
        remedy = "give its arguments defaults, or name an object that is made with them"
        raise UserError(f"{owner} can't be made without arguments ({said(error)}); {remedy}") from error


def _check_colours(owner: str, colours: Any) -> None:
    """Raise UserError unless `colours` is a list of colours of protocols."""
    if not isinstance(colours, tuple | list) or not colours:
        raise UserError(
            f"{owner}: colours = {quoted(colours)} is no list of colours; write one such as ('rgb', 'y601')"
        )
    for colour in colours:
        if not isinstance(colour, str) or colour not in COLOURS:
            raise UserError(f"{owner}: colours: unknown colour {quoted(colour)}; {nearest(str(colour), COLOURS)}")


def _check_call(owner: str, scorer: str, score: Any, keywords: list[str]) -> None:
    """Raise UserError unless `score` takes prediction, target and protocol by their places, and the `keywords`."""
    try:
        signature = inspect.signature(score, follow_wrapped=False)
    except ValueError:
        # what is compiled need not say it
        return
    try:
        signature.bind(None, None, None, **dict.fromkeys(keywords))
    except TypeError as error:
        wanted = ", ".join(["prediction", "target", "protocol", *(f"{word}={word}" for word in keywords)])
        remedy = "write what lossbench.metrics.Metric says"
        raise UserError(f"{owner}: {scorer} can't be called as {scorer}({wanted}) ({error}); {remedy}") from None


def as_read(name: str) -> dict[str, Any]:
    """Return what a list says of the metric `name`, by reading its file."""
    found = {
        key: plugins.constant(FOLDER, name, variable, USUAL.get(key, plugins.REQUIRED))
        for key, variable in READ.items()
    }
    return {**found, "weights": [*found["weights"]], "source": plugins.source(FOLDER, name)}
