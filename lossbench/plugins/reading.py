"""What a Python file defines, read and not imported: functions, classes, what they take, constants written out."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lossbench.files import parsed
from lossbench.plugins.modules import python_file, source_of

PACKAGE = Path(__file__).parents[1]
"""The library."""
NOT_READ = ("torch", "numpy")
"""Libraries whose files are large, and into which no definition is followed."""
Node = ast.stmt | ast.Module


class Definition(NamedTuple):
    """What a name stands for, and the file in which that is written."""

    file: Path
    node: Node | None
    """A module where the name is one; None for nothing, or nothing that can be read."""


class Signature(NamedTuple):
    """What a function or a class takes."""

    taken: dict[str, ast.expr | None]
    """Annotations by argument."""
    required: tuple[str, ...]
    """Arguments without a default."""
    others: bool = False
    """Whether it takes arguments beside these, or may: where `__init__` is out of reach."""


@cache
def definition(file: Path, name: str) -> Definition:
    """Return what `name` stands for at the top of `file`, followed through the files that it is imported from.

    Raises UserError for a file that is no Python.
    """
    return _definition(file, name, frozenset())


def definition_of(file: Path) -> Definition:
    """Return the module in `file`."""
    return Definition(file, _parsed(file))


def _definition(file: Path, name: str, passed: frozenset[Path]) -> Definition:
    for node in _statements(_parsed(file).body):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found) if (
                found == name
            ):
                return Definition(file, node)
            case ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                return Definition(file, node)
            case ast.Assign(targets=targets) if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                return Definition(file, node)
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    if (alias.asname or alias.name) == name:
                        return _imported(file, node, alias.name, passed)
                    if alias.name == "*" and not name.startswith("_"):
                        found_there = _imported(file, node, name, passed)
                        if found_there.node is not None:
                            return found_there
    return Definition(file, None)


def _imported(file: Path, node: ast.ImportFrom, name: str, passed: frozenset[Path]) -> Definition:
    source = _source(file, node)
    if source is None or source in passed:
        return Definition(file, None)
    found = _definition(source, name, passed | {file})
    if found.node is None and source.name == "__init__.py" and (module := python_file(source.parent / name)):
        return definition_of(module)
    return found


def _source(file: Path, node: ast.ImportFrom) -> Path | None:
    """Return the file that an import of `file` takes names from; None where it is not read."""
    parts = (node.module or "").split(".") if node.module else []
    if node.level:
        return python_file(file.parents[node.level - 1].joinpath(*parts))
    if parts[0] == "lossbench":
        return python_file(PACKAGE.joinpath(*parts[1:]))
    # what the library's own files define is in the library
    foreign = parts[0] in NOT_READ and not _is_of(file, parts[0])
    return None if foreign or file.is_relative_to(PACKAGE) else source_of(".".join(parts))


def _is_of(file: Path, package: str) -> bool:
    """Return whether `file` lies in the folder of `package`."""
    top = source_of(package)
    return top is not None and file.is_relative_to(top.parent)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run when a file is imported, those in conditions and trials too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
        if isinstance(node, ast.If | ast.Try):
            yield from _statements(node.orelse)
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from _statements(handler.body)


def public_names(file: Path) -> list[str]:
    """List the functions and classes at the top of `file`, and what it imports by name."""
    found: list[str] = []
    for node in _statements(_parsed(file).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            found += [alias.asname or alias.name for alias in node.names]
    return sorted({name for name in found if not name.startswith("_") and name != "*"})


def of_expression(file: Path, expression: ast.expr | None) -> Definition:
    """Return what a name, or `module.name`, in `file` stands for."""
    match expression:
        case ast.Name(id=name):
            return definition(file, name)
        case ast.Constant(value=str(text)):
            return of_expression(file, ast.parse(text, mode="eval").body)
        case ast.Subscript(value=value):
            return of_expression(file, value)
        case ast.Attribute(value=value, attr=name):
            module = of_expression(file, value)
            if module.node is None and (source := _imported_module(file, ast.unparse(value))):
                module = definition_of(source)
            return definition(module.file, name) if isinstance(module.node, ast.Module) else Definition(file, None)
    return Definition(file, None)


def _imported_module(file: Path, name: str) -> Path | None:
    """Return the file of what `file` imports as `name` by `import`."""
    for node in _statements(_parsed(file).body):
        for alias in node.names if isinstance(node, ast.Import) else ():
            if (alias.asname or alias.name) == name and alias.name.split(".")[0] not in NOT_READ:
                return source_of(alias.name)
    return None


def bases(found: Definition) -> Iterator[Definition]:
    """Give the classes that a class is derived from, as far as they are read: it first, then those nearest to it."""
    seen: list[Definition] = [found]
    for each in seen:
        yield each
        for base in each.node.bases if isinstance(each.node, ast.ClassDef) else ():
            other = of_expression(each.file, base)
            if isinstance(other.node, ast.ClassDef) and other not in seen:
                seen.append(other)


def member(found: Definition, name: str) -> Definition:
    """Return what `name` stands for in a class, or in one that it is derived from."""
    for each in bases(found):
        for node in each.node.body if isinstance(each.node, ast.ClassDef) else ():
            match node:
                case (
                    ast.FunctionDef(name=other)
                    | ast.AnnAssign(target=ast.Name(id=other), value=ast.expr())
                    | ast.Assign(targets=[ast.Name(id=other)])
                ) if other == name:
                    return Definition(each.file, node)
    return Definition(found.file, None)


def signature(found: Definition) -> Signature | None:
    """Return what a function, a class, a `partial` of one or another name for one takes; None for anything else.

    What a `partial` fixes is not taken.
    """
    match found.node:
        case ast.FunctionDef(args=args):
            return _of_arguments(args, 0)
        case ast.ClassDef():
            made = member(found, "__init__")
            if isinstance(made.node, ast.FunctionDef):
                return _of_arguments(made.node.args, 1)
            return Signature({}, (), others=not all(_takes_nothing(base) for base in found.node.bases))
        case ast.Assign(value=ast.Call(args=[made_of, *given], keywords=keywords) as call) if called(call) is made_of:
            whole = signature(of_expression(found.file, made_of))
            if whole is None:
                return None
            fixed = {*_positional(of_expression(found.file, made_of))[: len(given)], *(each.arg for each in keywords)}
            taken = {name: annotation for name, annotation in whole.taken.items() if name not in fixed}
            return Signature(taken, tuple(name for name in whole.required if name not in fixed), whole.others)
        case ast.Assign(value=ast.Name() | ast.Attribute() as other):
            return signature(of_expression(found.file, other))
    return None


def called(call: ast.Call) -> ast.expr:
    """Return what a call calls, of a `partial` what that will."""
    of_partial = ast.unparse(call.func).rpartition(".")[2] == "partial" and call.args
    return call.args[0] if of_partial else call.func


def _takes_nothing(base: ast.expr) -> bool:
    """Say whether a base class is one whose `__init__` takes no arguments."""
    return ast.unparse(base).rpartition(".")[2] in ("Module", "object", "ABC", "Protocol")


def _positional(found: Definition) -> list[str]:
    node = found.node if isinstance(found.node, ast.FunctionDef) else member(found, "__init__").node
    if not isinstance(node, ast.FunctionDef):
        return []
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return names[1:] if isinstance(found.node, ast.ClassDef) else names


def _of_arguments(args: ast.arguments, given: int) -> Signature:
    """Return what stands behind the first `given` arguments of a function."""
    positional = [*args.posonlyargs, *args.args]
    without = positional[given : len(positional) - len(args.defaults)]
    without += [one for one, value in zip(args.kwonlyargs, args.kw_defaults, strict=True) if value is None]
    taken = {argument.arg: argument.annotation for argument in (*positional[given:], *args.kwonlyargs)}
    return Signature(taken, tuple(argument.arg for argument in without), args.kwarg is not None)


class Call(NamedTuple):
    """A call, and the file in which it stands."""

    file: Path
    node: ast.Call


def call(found: Definition) -> Call | None:
    """Return the call that makes what a name stands for; None where none does."""
    if isinstance(found.node, ast.Assign | ast.AnnAssign) and found.node.value is not None:
        return call_of(found.file, found.node.value)
    return None


def call_of(file: Path, value: ast.expr) -> Call | None:
    """Return the call that `value` in `file` is, or that makes what it names."""
    if isinstance(value, ast.Call):
        return Call(file, value)
    return call(definition(file, value.id)) if isinstance(value, ast.Name) else None


def literal(found: Definition) -> Any:
    """Return the value of a constant; raises ValueError where it is not written out, or is no constant."""
    if isinstance(found.node, ast.Assign | ast.AnnAssign) and found.node.value is not None:
        value = found.node.value
        if isinstance(value, ast.Name):
            return literal(definition(found.file, value.id))
        return ast.literal_eval(value)
    raise ValueError(found)


_parsed = cache(parsed)
