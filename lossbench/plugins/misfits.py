"""Why a plugin from outside can't be what its shelf holds, as far as its file tells without being imported."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

from lossbench.plugins import outside, reading
from lossbench.plugins.modules import source_of, spec_of
from lossbench.plugins.reading import Definition


class Takes(NamedTuple):
    """What the forward of a module of a shelf takes."""

    number: int
    words: str


FORWARD = {"losses": Takes(2, "a prediction and a target"), "networks": Takes(1, "pictures alone")}
"""By the shelves whose plugins may be any module of torch."""


def misfit(folder: str, name: str) -> str | None:
    """Return why the plugin `name` from outside can't be of `folder`, in one line; None where its file tells nothing.

    Raises UserError as `outside.place`.
    """
    place = outside.place(folder, name)
    named = source_of(place.module)
    # what is imported, and where it takes the plugin from
    for file in dict.fromkeys([named or place.found.file, place.found.file]):
        if fault := _of_import(file):
            return f"{outside.kind(folder)} '{name}': {file}{fault}"
    fault = _of_kind(folder, name, place.found) if folder in FORWARD else None
    return f"{outside.kind(folder)} '{name}': {place.found.file}{fault}" if fault else None


def _of_import(file: Path) -> str | None:
    """Return why the import of `file` fails, from what stands at its top outside conditions and trials."""
    whole = reading.definition_of(file).node
    for node in whole.body if isinstance(whole, ast.Module) else ():
        where = f", line {node.lineno}"
        if isinstance(node, ast.Raise):
            return f"{where}: its import raises {ast.unparse(node.exc) if node.exc else 'an error'}; mend it"
        needed: list[str] = []
        if isinstance(node, ast.Import):
            needed = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            needed = [node.module]
        for top in (module.partition(".")[0] for module in needed):
            if top not in sys.builtin_module_names and spec_of(top) is None:
                return f"{where} imports '{top}', which Python does not find; install it or mend the import"
    return None


def _of_kind(folder: str, name: str, found: Definition) -> str | None:
    """Return why what a plugin is makes no module of torch that `folder` can use."""
    match found.node:
        case ast.Module():
            has_build = reading.definition(found.file, "build").node is not None
            return None if has_build else " has no function 'build'; write one, or name a class in it"
        case ast.FunctionDef(returns=None):
            return f": '{found.node.name}' does not say what it returns; annotate it, as by '-> torch.nn.Module'"
        case ast.Assign(value=ast.Constant()) | ast.AnnAssign(value=ast.Constant()):
            return " has a constant of that name; name a class of torch.nn.Module, or a function that returns one"
    made = outside.made_of(folder, name)
    if made is None or not isinstance(made.node, ast.ClassDef):
        return None
    if not made.node.bases:
        return f": '{made.node.name}' is no torch.nn.Module; derive it from that"
    return _of_forward(FORWARD[folder], made)


def _of_forward(wanted: Takes, made: Definition) -> str | None:
    forward = reading.member(made, "forward").node
    if not isinstance(forward, ast.FunctionDef) or forward.args.vararg:
        return None
    positional = [*forward.args.posonlyargs, *forward.args.args][1:]
    if len(positional) - len(forward.args.defaults) <= wanted.number <= len(positional):
        return None
    takes = ", ".join(each.arg for each in positional) or "nothing"
    assert isinstance(made.node, ast.ClassDef)
    return f": forward of '{made.node.name}' takes {takes} where it is given {wanted.words}; name another class"
