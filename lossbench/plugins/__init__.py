"""Find a plugin by the name of its file: `losses/vgg.py` is the loss `vgg`; or by what a package from outside has."""

import ast
import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lossbench.errors import Notice, UserError, nearest, quoted
from lossbench.plugins import outside, packages, reading
from lossbench.plugins.choices import check_choice
from lossbench.plugins.given_types import check_arguments as check_arguments
from lossbench.plugins.given_types import check_types_of_defaults as check_types_of_defaults
from lossbench.plugins.given_types import require_known
from lossbench.plugins.given_types import wrong_types_named as wrong_types_named
from lossbench.plugins.misfits import misfit as misfit
from lossbench.plugins.reading import PACKAGE as PACKAGE
from lossbench.plugins.stated_types import fits, got, words

FITTED = {"losses": "fitted", "networks": "fitted"}
"""Functions of `_outside.py` that make modules of torch fit a shelf; their arguments stand beside a plugin's own."""
REQUIRED = object()
"""No default."""


def names(folder: str) -> list[str]:
    """List the library's own plugins of `folder`; files with a leading underscore are not plugins."""
    return sorted(file.stem for file in (reading.PACKAGE / folder).glob("[!_]*.py"))


def known(folder: str) -> list[str]:
    """List `names`, and beside them what installed packages offer for `folder`; nothing is imported."""
    return [*names(folder), *(name for name, _ in offered(folder))]


def offered(folder: str) -> list[tuple[str, str]]:
    """List what installed packages offer for `folder`: the name to give, and the package with its version."""
    return outside.rows(folder) if folder in packages.SHELVES else []


def offered_rows(folder: str, more: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """List what installed packages offer for `folder` as a listing has it: `name`, `more`, `package`.

    One that can't be read, or whose file tells that it can't be used, says its `fault` instead, and spoils no listing.
    """
    rows = []
    for name, package in offered(folder):
        try:
            fault = misfit(folder, name)
            row = {"fault": fault} if fault else more(name)
        except UserError as error:
            row = {"fault": str(error)}
        rows.append({"name": name, **row, "package": package})
    return rows


def check(folder: str, name: str) -> str:
    """Return `name` if `folder` holds it, an installed package offers it, or it is `package.module:Name`.

    Raises UserError, with the nearest match, otherwise. One of ours that a package offers too gives a Notice.
    """
    check_name(folder, name)
    if outside.is_ours(folder, name):
        if folder in packages.SHELVES and name in packages.offers(folder):
            _tell_of_another(folder, name)
        return name
    if outside.is_outside(folder, name):
        outside.place(folder, name)
        return name
    raise UserError(
        f"unknown {outside.kind(folder)} '{name}' (no lossbench/{folder}/{name}.py); {nearest(name, known(folder))}"
    )


def check_name(folder: str, name: object) -> None:
    """Raise UserError unless `name` is text, as the name of a plugin of `folder` is."""
    if not isinstance(name, str):
        raise UserError(
            f"{outside.kind(folder)}: {quoted(name)} is no name; give one as text, known: {', '.join(known(folder))}"
        )


@cache
def _tell_of_another(folder: str, name: str) -> None:
    others = packages.offers(folder)[name]
    by = " and ".join(f"{offer.package} ('{outside.as_name(offer.value)}')" for offer in others)
    what = f"{outside.kind(folder)} '{name}' is lossbench's own; another is of {by}, to be named so"
    warnings.warn(Notice(reading.PACKAGE / folder / f"{name}.py", what), stacklevel=3)


def is_outside(folder: str, name: str) -> bool:
    """Return whether the plugin `name` is one of another package or of the user; raises UserError as `check`."""
    return outside.is_outside(folder, check(folder, name))


def module(folder: str, name: str) -> str:
    """Return the dotted name of the module of a plugin, of one from outside with what of it is the plugin behind `:`.

    Raises UserError as `check`.
    """
    return outside.place(folder, name).written if is_outside(folder, name) else f"lossbench.{folder}.{name}"


def source(folder: str, name: str) -> str:
    """Return what a plugin from outside says of itself, or else where it is; nothing is imported.

    Raises UserError as `check`.
    """
    is_outside(folder, name)
    return outside.text(folder, name) or outside.place(folder, name).written


def package(folder: str, name: str) -> str:
    """Return name, version and licence of the package of a plugin from outside, or the file of the user's own."""
    is_outside(folder, name)
    return outside.package(folder, name)


def load(folder: str, name: str) -> Any:
    """Import the plugin `name` of `folder` and nothing else of that folder: a module.

    One from outside may be a class, a function or an object. Raises UserError as `check`, and where its import fails.
    """
    if is_outside(folder, name):
        return outside.imported(folder, name)
    return importlib.import_module(f"lossbench.{folder}.{name}")


def build_arguments(folder: str, name: str) -> list[str]:
    """List the arguments of the plugin's `build` by reading its file: nothing is imported.

    Those of a class or function from outside are its own and those of what makes it fit, in `_outside.py`.
    """
    return list(_taken(folder, name).taken)


def check_build_arguments(folder: str, name: str, arguments: Mapping[str, Any]) -> None:
    """Raise UserError when the plugin's `build` does not take one of `arguments`, or not the type of its value.

    Read from its file: nothing is imported. The message has the nearest argument, or what to write.
    """
    taken, _, others = _taken(folder, name)
    if not others:
        require_known(f"'{name}'", taken, arguments)
    for argument, value in arguments.items():
        annotation = taken.get(argument)
        if annotation is not None and not fits(value, annotation):
            raise UserError(f"{argument}: '{name}' takes {words(annotation)} {got(value, annotation)}")


def check_complete(folder: str, name: str, arguments: Iterable[str]) -> None:
    """Raise UserError where `arguments` lack one that the plugin's `build` has no default for."""
    missing = [each for each in _taken(folder, name).required if each not in {*arguments}]
    if missing:
        raise UserError(f"'{name}' needs {' and '.join(missing)}; give {'it' if len(missing) == 1 else 'them'}")


def check_made_alone(folder: str, name: str) -> None:
    """Raise UserError where `name` is a class from outside that needs arguments, and none are given to its shelf."""
    made_here = is_outside(folder, name) and isinstance(outside.place(folder, name).found.node, ast.ClassDef)
    if made_here and (required := _taken(folder, name).required):
        raise UserError(
            f"{_called(folder, name)}: the class needs {' and '.join(required)}, and is made without arguments; "
            "give defaults, or name an object that is made with them"
        )


@cache
def _taken(folder: str, name: str) -> reading.Signature:
    """Return the arguments of the plugin's `build` with their annotations.

    `build` may be taken from another file of the library, and may be a `partial`: what that fixes is no argument.
    """
    if is_outside(folder, name) and not (place := outside.place(folder, name)).is_module:
        own = reading.signature(place.found) or reading.Signature({}, (), others=True)
        if folder not in FITTED or outside.keeps_contract(folder, name):
            return own
        added = reading.signature(reading.definition(_fitting(folder), FITTED[folder]))
        assert added is not None, folder
        beside = {each: annotation for each, annotation in added.taken.items() if each not in added.required}
        return reading.Signature({**own.taken, **beside}, own.required, own.others)
    found = reading.signature(reading.definition(_file(folder, name), "build"))
    if found is None:
        raise UserError(f"{_called(folder, name)} defines no function 'build'")
    return found


def constant(folder: str, name: str, variable: str, default: Any = REQUIRED) -> Any:
    """Return a literal module constant of a plugin by reading its file: nothing is imported.

    It may be taken from another file of the library. That of a class from outside stands in its body, or is what
    `_outside.py` says of all. Raises UserError when there is none, unless there is a `default`, and for a value that
    it may not have (`choices`).
    """
    if is_outside(folder, name) and not outside.place(folder, name).is_module:
        made = outside.made_of(folder, name)
        found = [reading.member(made, variable)] if made else []
        found += [reading.definition(_fitting(folder), variable)] if folder in FITTED else []
    else:
        found = [reading.definition(_file(folder, name), variable)]
    for each in found:
        if isinstance(each.node, ast.Assign | ast.AnnAssign):
            try:
                value = reading.literal(each)
            except ValueError:
                raise UserError(
                    f"{each.file}, line {each.node.lineno}: {variable} is not written out; planning reads it without "
                    "running it, so write its value there"
                ) from None
            check_choice(f"{each.file}, line {each.node.lineno}", folder, variable, value)
            return value
    if default is not REQUIRED:
        return default
    raise UserError(f"{_called(folder, name)} defines no constant {variable}")


def written_call(folder: str, name: str, member: str) -> dict[str, Any] | None:
    """Return the arguments of the call that makes `member` of a plugin from outside, by reading its file.

    None where there is no such call; raises UserError for arguments that are not written out by their names.
    """
    is_outside(folder, name)
    return outside.written_call(folder, name, member)


def _called(folder: str, name: str) -> str:
    """Name the file of a plugin as messages do."""
    if not is_outside(folder, name):
        return f"lossbench/{folder}/{name}.py"
    return f"{outside.kind(folder)} '{name}': {outside.place(folder, name).found.file}"


def _fitting(folder: str) -> Path:
    """Return the file of what makes classes and functions from outside fit `folder`."""
    return reading.PACKAGE / folder / "_outside.py"


@cache
def _file(folder: str, name: str) -> Path:
    return outside.place(folder, name).found.file if is_outside(folder, name) else _ours(folder, name)


def _ours(folder: str, name: str) -> Path:
    return reading.PACKAGE / folder / f"{name}.py"
