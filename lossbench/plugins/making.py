"""Make the module of a class or a function from outside; here it is run, so that this imports torch."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, get_type_hints

from torch import nn
from torch.nn.parameter import is_lazy

from lossbench.errors import UserError, is_of_memory, quoted
from lossbench.plugins.outside import said


def made_by(owner: str, plugin: Any) -> type[nn.Module]:
    """Return the class of modules that `plugin` is, or that it says by its annotation that it returns.

    Raises UserError for anything else: what a file or a configuration names is not called before that is known.
    """
    if isinstance(plugin, partial):
        return made_by(owner, plugin.func)
    made = plugin
    if inspect.isfunction(plugin):
        made = hints(plugin).get("return")
    if inspect.isclass(made) and issubclass(made, nn.Module):
        return made
    if inspect.isfunction(plugin):
        raise UserError(f"{owner}: the function does not say what it returns; annotate it, as by '-> torch.nn.Module'")
    what = f"class '{plugin.__name__}'" if inspect.isclass(plugin) else f"a {type(plugin).__name__}"
    raise UserError(f"{owner} is {what}; name a class of torch.nn.Module, or a function that returns one")


def built(owner: str, plugin: Callable[..., Any], arguments: Mapping[str, Any]) -> nn.Module:
    """Return what `plugin` makes with `arguments`.

    Raises UserError for what it raises, for no module of torch, and for one whose weights have no sizes yet.
    """
    try:
        made = plugin(**arguments)
    except UserError:
        raise
    # whatever the code of another package raises
    except Exception as error:
        if is_of_memory(error):
            raise
        given = ", ".join(f"{name} = {quoted(value)}" for name, value in arguments.items()) or "no arguments"
        raise UserError(f"{owner} can't be made with {given} ({said(error)})") from error
    if not isinstance(made, nn.Module):
        raise UserError(f"{owner} makes a {type(made).__name__}, no torch.nn.Module")
    for name, part in made.named_modules():
        if any(map(is_lazy, part.parameters(recurse=False))):
            kind = type(part).__name__
            raise UserError(
                f"{owner}: its '{name}' is a {kind}, which has no weights before it sees data; give it its sizes, as a "
                f"{kind.removeprefix('Lazy')} has them"
            )
    return made


def state(build: Any, plugin: Callable[..., Any], added: Callable[..., Any], names: Iterable[str]) -> None:
    """Have `build` state the arguments of `plugin` with their types, and those of `added` that are `names`."""
    own = [each for each in inspect.signature(plugin).parameters.values() if each.name not in {*names}]
    ours = [each for name, each in inspect.signature(added).parameters.items() if name in {*names}]
    # what takes others says so last
    last = [each for each in own if each.kind is each.VAR_KEYWORD]
    shown = [each for each in own if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    alone = [each.replace(kind=each.KEYWORD_ONLY) for each in (*shown, *ours)]
    build.__signature__ = inspect.Signature([*alone, *last])
    stated = {**_own_hints(plugin), **{name: hint for name, hint in hints(added).items() if name in {*names}}}
    build.__annotations__ = {name: hint for name, hint in stated.items() if name in build.__signature__.parameters}


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types that `function` states; none where one of them is known to a type checker alone."""
    try:
        return get_type_hints(function)
    except (NameError, TypeError):
        return {}


def _own_hints(plugin: Any) -> dict[str, Any]:
    if isinstance(plugin, partial):
        return _own_hints(plugin.func)
    return hints(plugin.__init__ if inspect.isclass(plugin) else plugin)
