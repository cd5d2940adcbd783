"""Find a plugin by the name of its file: `losses/vgg.py` is the loss `vgg`."""

import ast
import importlib
import inspect
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from lossbench.errors import UserError, as_written, nearest
from lossbench.files import parsed
from lossbench.formats.numerals import as_number

PACKAGE = Path(__file__).parent
WORDS = {
    **{"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text", "Path": "a path"},
    **{"None": "nothing", "Sequence": "a list", "list": "a list", "tuple": "a list"},
    **{"dict": "a mapping", "Mapping": "a mapping"},
}
"""What a configuration may give for the types that stand in annotations."""
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
        if not _is_of(value, hints.get(argument, Any)):
            stated = _stated(hints[argument])
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


def build_arguments(folder: str, name: str) -> list[str]:
    """List the arguments of the plugin's `build` by reading its file: nothing is imported."""
    return list(_taken(folder, name))


def check_build_arguments(folder: str, name: str, arguments: Mapping[str, Any]) -> None:
    """Raise UserError when the plugin's `build` does not take one of `arguments`, or not the type of its value.

    Read from its file: nothing is imported. The message has the nearest argument, or what to write.
    """
    taken = _taken(folder, name)
    _require_known(f"'{name}'", taken, arguments)
    for argument, value in arguments.items():
        annotation = taken[argument]
        if annotation is not None and not _fits(value, annotation):
            raise UserError(f"{argument}: '{name}' takes {_words(annotation)} {_got(value, annotation)}")


@cache
def _taken(folder: str, name: str) -> dict[str, ast.expr | None]:
    """Return the arguments of the plugin's `build` with their annotations.

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
    return {argument.arg: argument.annotation for argument in taken if argument.arg not in fixed}


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


def _fits(value: Any, annotation: ast.expr) -> bool:
    """Return whether `value`, out of a configuration, may be given where `annotation` stands.

    What has a name that is none of `WORDS` may be another name of such a type, and takes anything; what is an attribute
    of a module, such as `torch.Generator`, no configuration can give.
    """
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _fits(value, left) or _fits(value, right)
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return _fits(value, ast.parse(text, mode="eval").body)
        case ast.Name(id="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name(id="float"):
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case ast.Name(id="bool"):
            return isinstance(value, bool)
        case ast.Name(id="str" | "Path"):
            return isinstance(value, str | Path)
        case ast.Name(id="Sequence" | "list" | "tuple"):
            return isinstance(value, list | tuple)
        case ast.Name(id="dict" | "Mapping"):
            return isinstance(value, Mapping)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=slice):
            return value in [ast.literal_eval(one) for one in _parts(slice)]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=slice):
            return value is None or _fits(value, slice)
        case ast.Subscript(value=ast.Name(id="Union"), slice=slice):
            return any(_fits(value, one) for one in _parts(slice))
        case ast.Subscript(value=ast.Name(id="Sequence" | "list" | "tuple") as kind, slice=slice):
            return _fits(value, kind) and _entries_fit(value, _parts(slice))
        case ast.Subscript(value=kind):
            return _fits(value, kind)
        case ast.Attribute():
            return False
        case _:
            return True


def _entries_fit(values: Sequence[Any], types: list[ast.expr]) -> bool:
    """Return whether each of `values` fits: a list has one type, a tuple one, then dots, or one for each entry."""
    if len(types) == 1 or isinstance(types[1], ast.Constant):
        return all(_fits(value, types[0]) for value in values)
    return len(values) == len(types) and all(map(_fits, values, types))


def _parts(slice: ast.expr) -> list[ast.expr]:
    return slice.elts if isinstance(slice, ast.Tuple) else [slice]


def _words(annotation: ast.expr) -> str:
    """Return what `annotation` takes in words, as far as a configuration can give it."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return " or ".join(dict.fromkeys([*_words(left).split(" or "), *_words(right).split(" or ")]))
        case ast.Subscript(value=ast.Name(id="Sequence" | "list" | "tuple" as kind), slice=slice):
            inner = next((one for one in _parts(slice) if isinstance(one, ast.Name)), None)
            return WORDS[kind] + (f" of {WORDS[inner.id].removeprefix('a ')}s" if inner and inner.id in WORDS else "")
        case _:
            text = ast.unparse(annotation)
            return WORDS.get(text.split("[")[0], text)


def _got(value: Any, annotation: ast.expr) -> str:
    """Return what was given, with what to write in its place where that is clear."""
    types = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    got = f"(got {as_written(value)})"
    if isinstance(value, str) and types & {"int", "float"} and (number := as_number(value, "float" not in types)):
        return f"{got}; write {number}"
    if isinstance(value, bool | int | float) and "str" in types:
        return f"{got}; put it in quotes"
    return got


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


_parsed = cache(parsed)
