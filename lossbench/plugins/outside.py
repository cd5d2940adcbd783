"""Plugins of other packages and of the user: `package.module:Name`, or a name that an installed package offers.

Where one is written is found by reading files; it is imported when it is made.
"""

import ast
import importlib
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lossbench.errors import UserError, nearest
from lossbench.plugins import packages, reading
from lossbench.plugins.modules import installed, python_file, source_of
from lossbench.plugins.packages import SHELVES
from lossbench.plugins.reading import Definition
from lossbench.plugins.spandrel import PREFIX as SPANDREL
from lossbench.plugins.spandrel import class_of

FORM = re.compile(r"(?!\d)\w+(\.(?!\d)\w+)*:(?!\d)\w+", re.ASCII)
"""`package.module:Name`."""
SHOWN = 200
"""Characters of another package's message or docstring that are shown."""


class Place(NamedTuple):
    """Where a plugin of another package is."""

    module: str
    """Dotted name of what is imported."""
    attribute: str
    """What of it is the plugin; empty for the module itself."""
    found: Definition
    """What it stands for, in the file where that is written."""

    @property
    def is_module(self) -> bool:
        """Return whether it keeps the contract of a file of the shelf."""
        return isinstance(self.found.node, ast.Module)

    @property
    def written(self) -> str:
        """Return it as a name that any configuration may give."""
        return f"{self.module}:{self.attribute}" if self.attribute else self.module


def kind(folder: str) -> str:
    """Return what a plugin of `folder` is called."""
    return folder.rstrip("s").replace("_", " ").replace("losse", "loss")


def is_ours(folder: str, name: str) -> bool:
    """Return whether `name` is a file of `folder` of the library."""
    return name.isidentifier() and name[0] != "_" and _is_file(f"{reading.PACKAGE}/{folder}/{name}.py")


@cache
def _is_file(path: str) -> bool:
    # one look, since a plan asks for each name thousands of times
    return os.path.isfile(path)


def is_outside(folder: str, name: str) -> bool:
    """Return whether `name` is written as a plugin of another package is, or is offered by one alone and not ours."""
    return folder in SHELVES and (":" in name or (name in packages.offers(folder) and not is_ours(folder, name)))


@cache
def place(folder: str, name: str) -> Place:
    """Return where the plugin `name` of `folder` is, which `is_outside`.

    Raises UserError for a name of another form, for what is not there, and for one that two packages offer.
    """
    owner = f"{kind(folder)} '{name}'"
    if ":" not in name:
        offered = packages.offers(folder)[name]
        if len(offered) > 1:
            by = " and ".join(sorted(offer.package for offer in offered))
            values = " or ".join(sorted(as_name(offer.value) for offer in offered))
            raise UserError(f"{owner} is offered by {by}; write the one that is meant: {values}")
        if not packages.NAME.fullmatch(name):
            raise UserError(f"{owner} of {offered[0].package} can't stand in a path; write {as_name(offered[0].value)}")
        module, _, attribute = offered[0].value.partition(":")
        return _place(f"{owner} of {offered[0].package}", module.strip(), attribute.partition("[")[0].strip())
    if folder == "networks" and name.startswith(SPANDREL):
        name = class_of(name)
    if not FORM.fullmatch(name):
        raise UserError(f"{owner}: not of the form 'package.module:Name'; write it so, as 'piq:SSIMLoss'")
    module, _, attribute = name.partition(":")
    return _place(owner, module, attribute)


def _place(owner: str, module: str, attribute: str) -> Place:
    source = source_of(module)
    if source is None:
        where = "install its package, or put the folder that it lies in on PYTHONPATH"
        raise UserError(f"{owner}: no source of the module '{module}' is found; {where}")
    if not attribute:
        return Place(module, "", reading.definition_of(source))
    found = reading.definition(source, attribute)
    if found.node is None and source.name == "__init__.py" and (beside := python_file(source.parent / attribute)):
        return Place(f"{module}.{attribute}", "", reading.definition_of(beside))
    if found.node is None:
        known = nearest(attribute, reading.public_names(source))
        raise UserError(f"{owner}: {source} defines no '{attribute}', nor imports it by its name; {known}")
    if isinstance(found.node, ast.Assign | ast.AnnAssign) and isinstance(found.node.value, ast.Name | ast.Attribute):
        # another name of what is defined elsewhere
        other = reading.of_expression(found.file, found.node.value)
        found = other if other.node is not None else found
    return Place(module, attribute, found)


def made_of(folder: str, name: str) -> Definition | None:
    """Return the class, or the class that a function says it returns, of what `name` makes; None for a module."""
    found = _object(folder, name)
    if isinstance(found.node, ast.FunctionDef):
        return reading.of_expression(found.file, found.node.returns)
    if isinstance(found.node, ast.Assign | ast.AnnAssign) and isinstance(call := found.node.value, ast.Call):
        return reading.of_expression(found.file, reading.called(call))
    return found if isinstance(found.node, ast.ClassDef) else None


def _object(folder: str, name: str) -> Definition:
    """Return what a plugin is, of a module of a data set its `DATASET`."""
    found = place(folder, name).found
    is_set = folder == "datasets" and isinstance(found.node, ast.Module)
    return reading.definition(found.file, "DATASET") if is_set else found


def written_call(folder: str, name: str, member: str) -> dict[str, Any] | None:
    """Return the arguments of the call that makes `member` of what `name` makes; None where there is no such call.

    It stands in the class, or is given to it by that name. Raises UserError for arguments that are not written out.
    """
    made, owner = made_of(folder, name), _object(folder, name)
    call = reading.call(reading.member(made, member)) if made else None
    if call is None and (whole := reading.call(owner)):
        given = next((each.value for each in whole.node.keywords if each.arg == member), None)
        call = reading.call_of(owner.file, given) if given is not None else None
    if call is None:
        return None
    try:
        return {str(each.arg): ast.literal_eval(each.value) for each in call.node.keywords}
    except ValueError:
        where = f"{call.file}, line {call.node.lineno}"
        raise UserError(f"{where}: {member} is read without running it; write each of its values out") from None


def keeps_contract(folder: str, name: str) -> bool:
    """Return whether what `name` makes is fit for `folder` as it is: of losses what lossbench calls one."""
    return folder == "losses" and is_derived_from(folder, name, reading.PACKAGE / "terms.py", "WeightedTerms")


def is_derived_from(folder: str, name: str, file: Path, base: str) -> bool:
    """Return whether what `name` makes is of the class `base` of `file`, as far as it is read."""
    made = made_of(folder, name)
    wanted = reading.definition(file, base)
    return made is not None and any(each == wanted for each in reading.bases(made))


def imported(folder: str, name: str) -> Any:
    """Import the plugin `name` and return it as it is: a module, a class, a function or an object.

    Raises UserError, caused by what its import raised, where that fails.
    """
    found = place(folder, name)
    try:
        module = importlib.import_module(found.module)
        return getattr(module, found.attribute) if found.attribute else module
    except UserError:
        raise
    # whatever the code of another package raises
    except Exception as error:
        raise UserError(f"{kind(folder)} '{name}': importing {found.module} failed ({said(error)}); mend it") from error


def said(error: BaseException) -> str:
    """Return an error of another package on one line; of a long one the first words."""
    words = " ".join(str(error).split())
    if len(words) > SHOWN:
        words = f"{words[:SHOWN].rpartition(' ')[0] or words[:SHOWN]} ..."
    return f"{type(error).__name__}: {words}"


def text(folder: str, name: str) -> str:
    """Return what a plugin says of itself: its SOURCE, or else the first sentence of its docstring; perhaps nothing."""
    found = place(folder, name).found
    node = found.node
    stated = (
        reading.definition(found.file, "SOURCE") if isinstance(node, ast.Module) else reading.member(found, "SOURCE")
    )
    try:
        return str(reading.literal(stated))
    except ValueError:
        documented = node if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else None
        paragraph = (ast.get_docstring(documented) or "").partition("\n\n")[0] if documented else ""
        return " ".join(paragraph.split()).partition(". ")[0].removesuffix(".")[:SHOWN]


def package(folder: str, name: str) -> str:
    """Return name, version and licence of the package that a plugin is of, or the file of the user's own."""
    found = place(folder, name)
    for offer in packages.offers(folder).get(name, ()):
        return packages.described(offer.package.rpartition(" ")[0])
    source = source_of(found.module)
    assert source is not None, found
    top = found.module.partition(".")[0]
    if installed(source.resolve()) and (distribution := packages.distribution_of(top)):
        return packages.described(distribution)
    return str(source)


def rows(folder: str) -> list[tuple[str, str]]:
    """List what installed packages offer for `folder`: the name that a configuration gives, and the package.

    What shares its name with another one is named by its module.
    """
    found = []
    for name, offered in packages.offers(folder).items():
        plain = len(offered) == 1 and not is_ours(folder, name) and packages.NAME.fullmatch(name)
        found += [(name if plain else as_name(offer.value), offer.package) for offer in offered]
    return sorted(found)


def as_name(value: str) -> str:
    """Return the value of an entry point as a name that any configuration may give."""
    return value if ":" in value else ":".join(value.rsplit(".", 1))
