"""Signatures of the functions in rules, read once: Snakemake reads them for every job and every function of it."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from snakemake.common import FUNC_OVERWRITE_PARAMS_ATTR as KEPT  # type: ignore[import-untyped]
from snakemake.resources import Resource  # type: ignore[import-untyped]


def keep(workflow: Any) -> None:
    """Keep the signatures of the functions of all rules where Snakemake looks for one before it reads it."""
    for function in dict.fromkeys(_functions(workflow)):
        setattr(function, KEPT, inspect.signature(function).parameters)
    # a resource that is a number is asked like a function, as a method
    setattr(Resource.evaluate, KEPT, dict(list(inspect.signature(Resource.evaluate).parameters.items())[1:]))


def _functions(workflow: Any) -> Iterator[Callable[..., Any]]:
    for rule in workflow.rules:
        items = [*rule.input, *rule.params, *(resource._value for resource in rule.resources.values())]
        for item in items:
            # Snakemake wraps a function of input files in a file, and one of other entries at times in a text
            function = getattr(getattr(item, "_file", item), "callable", item)
            if inspect.isfunction(function):
                yield function
