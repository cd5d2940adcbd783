"""Jobs that many others rest on, made once for a configuration."""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from pipeline.config.read import Configuration

Given = ParamSpec("Given")
Made = TypeVar("Made")


def once(make: Callable[Concatenate[Configuration, Given], Made]) -> Callable[Concatenate[Configuration, Given], Made]:
    """Let `make`, whose arguments can be hashed, give the same object again for a configuration and arguments."""

    @wraps(make)
    def kept(configuration: Configuration, /, *given: Given.args, **named: Given.kwargs) -> Made:
        key: Hashable = (make, given, *sorted(named.items()))
        if key not in configuration.made:
            configuration.made[key] = make(configuration, *given, **named)
        made: Made = configuration.made[key]
        return made

    return kept
