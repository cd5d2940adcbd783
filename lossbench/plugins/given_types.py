"""Whether arguments are those of a function, and of the types that it states: asked of the function itself."""

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from lossbench.errors import UserError, nearest, quoted


def check_arguments(
    owner: str, function: Callable[..., Any], arguments: Iterable[str], also: Iterable[str] = ()
) -> None:
    """Raise UserError, with the nearest match, when `function` of `owner` does not take one of `arguments`.

    What a `partial` fixes it does not take; `also` are arguments that its caller takes.
    """
    fixed = function.keywords if isinstance(function, partial) else {}
    parameters = inspect.signature(function).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        own = [parameter.name for parameter in parameters if parameter.name not in fixed]
        require_known(owner, [*own, *also], arguments)


@contextmanager
def wrong_types_named(owner: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Iterator[None]:
    """After the block raise UserError naming the first of `arguments` that is of another type than `function` states.

    What the block refuses in words of its own stays as it is; what else it raises gives way to this.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        _check_stated_types(owner, function, arguments, error)
        raise
    _check_stated_types(owner, function, arguments)


def _check_stated_types(
    owner: str, function: Callable[..., Any], arguments: Mapping[str, Any], cause: Exception | None = None
) -> None:
    try:
        hints = get_type_hints(function.func if isinstance(function, partial) else function)
    except NameError:
        # a plugin may name types that only a type checker sees
        return
    for argument, value in arguments.items():
        if not _is_of(value, hints.get(argument, Any)):
            stated = _stated(hints[argument])
            raise UserError(f"{owner}: {argument} = {quoted(value)} is not of the right type; give {stated}") from cause


def check_types_of_defaults(owner: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise UserError unless each of `arguments` is of the type of its default in `function`.

    A default that is None or a sequence does not fix the type.
    """
    parameters = inspect.signature(function).parameters
    for argument, value in arguments.items():
        default = parameters[argument].default
        expected = type(default)
        # `True` is an int to Python, but never a sensible width
        fits = type(value) is expected or (expected is float and type(value) is int)
        if expected in (bool, int, float, str) and not fits:
            raise UserError(
                f"{owner}: {argument}: {quoted(value)} is not of type {expected.__name__}; give a value like "
                f"{quoted(default)}"
            )


_PYTHON_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False", type(None): "None"}
_WIDER: dict[Any, Any] = {int: Integral, float: Real, dict: Mapping, Path: os.PathLike}
"""What is taken where a type is stated."""


def _is_of(value: object, annotation: Any) -> bool:
    if get_origin(annotation) in (UnionType, Union):
        return any(_is_of(value, each) for each in get_args(annotation))
    kind = get_origin(annotation) or annotation
    if kind in (int, float) and isinstance(value, bool):
        return False
    try:
        return not isinstance(kind, type) or isinstance(value, _WIDER.get(kind, kind))
    except TypeError:
        # of a protocol nothing can be told
        return True


def _stated(annotation: Any) -> str:
    union = get_origin(annotation) in (UnionType, Union)
    kinds = get_args(annotation) if union else (annotation,)
    return " or ".join(_PYTHON_WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}") for kind in kinds)


def require_known(owner: str, known: Iterable[str], arguments: Iterable[str]) -> None:
    """Raise UserError, with the nearest match, when one of `arguments` is not `known` to `owner`."""
    names_known = list(known)
    for argument in arguments:
        if argument not in names_known:
            raise UserError(f"{owner} takes no argument '{argument}'; {nearest(argument, names_known)}")
