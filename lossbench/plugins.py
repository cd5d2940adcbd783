"""Find a plugin by the name of its file: `losses/vgg.py` is the loss `vgg`."""

import ast
import importlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from lossbench.errors import UserError, nearest

PACKAGE = Path(__file__).parent
REQUIRED = object()
"""No default."""


def names(folder: str) -> list[str]:
    """List the plugins of `folder`; files with a leading underscore are not plugins."""
    return sorted(file.stem for file in (PACKAGE / folder).glob("[!_]*.py"))


def check(folder: str, name: str) -> str:
    """Return `name` if `folder` holds it; raise UserError with the nearest match otherwise."""
    check_name(folder, name)
    # one look, since a plan checks thousands of names
    if not (name.isidentifier() and name[0] != "_" and os.path.isfile(f"{PACKAGE}/{folder}/{name}.py")):
        raise UserError(
            f"unknown {_kind(folder)} '{name}' (no lossbench/{folder}/{name}.py); {nearest(name, names(folder))}"
        )
    return name


def check_name(folder: str, name: object) -> None:
    """Raise UserError unless `name` is text, as the name of a plugin of `folder` is."""
    if not isinstance(name, str):
        raise UserError(f"{_kind(folder)}: {name!r} is no name; give one as text, known: {', '.join(names(folder))}")


def _kind(folder: str) -> str:
    return folder.rstrip("s").replace("_", " ").replace("losse", "loss")


def load(folder: str, name: str) -> ModuleType:
    """Import the plugin `name` of `folder`, and nothing else of that folder."""
    return importlib.import_module(f"lossbench.{folder}.{check(folder, name)}")


def check_arguments(owner: str, function: Callable[..., Any], arguments: Iterable[str]) -> None:
    """Raise UserError, with the nearest match, when `function` of `owner` does not take one of `arguments`.

    What a `partial` fixes it does not take.
    """
    fixed = function.keywords if isinstance(function, partial) else {}
    _require_known(owner, (name for name in inspect.signature(function).parameters if name not in fixed), arguments)


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
        if not _fits(value, hints.get(argument, Any)):
            stated = _in_words(hints[argument])
            raise UserError(f"{owner}: {argument} = {value!r} is not of the right type; give {stated}") from cause


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
                f"{owner}: {argument}: {value!r} is not of type {expected.__name__}; give a value like {default!r}"
            )


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False", type(None): "None"}
_WIDER: dict[Any, Any] = {int: Integral, float: Real, dict: Mapping, Path: os.PathLike}
"""What is taken where a type is stated."""


def _fits(value: object, annotation: Any) -> bool:
    if get_origin(annotation) in (UnionType, Union):
        return any(_fits(value, each) for each in get_args(annotation))
    kind = get_origin(annotation) or annotation
    if kind in (int, float) and isinstance(value, bool):
        return False
    try:
        return not isinstance(kind, type) or isinstance(value, _WIDER.get(kind, kind))
    except TypeError:
        # of a protocol nothing can be told
        return True


def _in_words(annotation: Any) -> str:
    union = get_origin(annotation) in (UnionType, Union)
    kinds = get_args(annotation) if union else (annotation,)
    return " or ".join(_WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}") for kind in kinds)


def build_arguments(folder: str, name: str) -> list[str]:
    """List the arguments of the plugin's `build` by reading its file: nothing is imported.

    `build` may be taken from another file of the library, and may be a `partial`: what that fixes is no argument.
    """
    file, node = _definition(_file(folder, name), "build")
    given, fixed = 0, set[str | None]()
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "partial":
        call = node.value
        given, fixed = len(call.args) - 1, {keyword.arg for keyword in call.keywords}
        _, node = _definition(file, ast.unparse(call.args[0]))
    if not isinstance(node, ast.FunctionDef):
        raise UserError(f"lossbench/{folder}/{name}.py defines no function 'build'")
    taken = [*[*node.args.posonlyargs, *node.args.args][given:], *node.args.kwonlyargs]
    return [argument.arg for argument in taken if argument.arg not in fixed]


def check_build_arguments(folder: str, name: str, arguments: Mapping[str, Any]) -> None:
    """Raise UserError, with the nearest match, when the plugin's `build` does not take one of `arguments`."""
    _require_known(f"'{name}'", build_arguments(folder, name), arguments)


def constant(folder: str, name: str, variable: str, default: Any = REQUIRED) -> Any:
    """Return a literal module constant of a plugin by reading its file: nothing is imported.

    It may be taken from another file of the library. Raises UserError when there is none, unless there is a `default`.
    """
    _, node = _definition(_file(folder, name), variable)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        return ast.literal_eval(node.value)
    if default is not REQUIRED:
        return default
    raise UserError(f"lossbench/{folder}/{name}.py defines no constant {variable}")


def _require_known(owner: str, known: Iterable[str], arguments: Iterable[str]) -> None:
    names_known = list(known)
    for argument in arguments:
        if argument not in names_known:
            raise UserError(f"{owner} takes no argument '{argument}'; {nearest(argument, names_known)}")


@cache
def _file(folder: str, name: str) -> Path:
    return PACKAGE / folder / f"{check(folder, name)}.py"


@cache
def _definition(file: Path, name: str) -> tuple[Path, ast.stmt | None]:
    """Return what defines `name` at the top of `file` or of the file of the library that it is imported from."""
    for node in _parsed(file).body:
        match node:
            case ast.FunctionDef(name=found) | ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                return file, node
            case ast.Assign(targets=targets) if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                return file, node
            case ast.ImportFrom(module=str(module), names=aliases) if module.startswith("lossbench."):
                for alias in aliases:
                    if (alias.asname or alias.name) == name:
                        origin = PACKAGE.joinpath(*module.split(".")[1:])
                        source = origin / "__init__.py" if origin.is_dir() else origin.with_suffix(".py")
                        return _definition(source, alias.name)
    return file, None


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
