"""A hash of the code that a job runs: the modules that it starts from and all that they import, but for libraries."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lossbench import plugins
from lossbench.assets.optional import extra_of
from lossbench.errors import UserError
from lossbench.files import parsed
from pipeline.outputs.modules import local, versioned

PACKAGES = (plugins.PACKAGE, Path(__file__).parents[1])
"""Folders of the library and of the pipeline."""

IMPORTERS = ("import_module", "__import__")
"""Functions that import what they are given; a name that is written out is followed."""

Packages = tuple[Path, ...]


def fingerprint(*modules: str, packages: Packages = PACKAGES) -> str:
    """Return 12 hexadecimal digits that change when, and only when, code reachable from `modules` changes.

    Modules of the user that lie outside `packages` are followed too. Comments, docstrings, layout and imports for the
    type checker do not count; of installed libraries the version does, where a module imports one that defines numbers
    or names it in its constant VERSIONS_OF. `modules` are dotted names inside `packages`. Only imports that are written
    out are followed: a plugin that is imported by name must be listed. Raises FileNotFoundError for an unknown module,
    and UserError for a library of VERSIONS_OF that is not installed and for a file that is no Python.
    """
    return _fingerprint(frozenset(modules), packages)


@cache
def _fingerprint(modules: frozenset[str], packages: Packages) -> str:
    digest = hashlib.sha256()
    for name in sorted(_closure(modules, packages)):
        digest.update(_counted(name, packages))
    return digest.hexdigest()[:12]


def clear() -> None:
    """Forget what was read, so that files edited since are seen."""
    for remembered in (
        _fingerprint,
        _parsed,
        _normalised,
        _named,
        _imports,
        _exists,
        _closure,
        _counted,
        local,
        versioned,
        _version,
    ):
        remembered.cache_clear()


@cache
def _counted(name: str, packages: Packages) -> bytes:
    """Return what counts of a module: its name and code, and the versions that its numbers rest on."""
    file = _file(name, packages)
    libraries = sorted({*_rests_on(file), *_libraries(name, packages)})
    lines = [name, _normalised(file), *(f"{library} {_version(library)}" for library in libraries)]
    return "".join(f"{line}\n" for line in lines).encode()


@cache
def _closure(modules: frozenset[str], packages: Packages) -> frozenset[str]:
    found: set[str] = set()
    queue = list(modules)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        parents = [name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)]
        queue.extend([*parents, *_imports(name, packages)])
    return frozenset(found)


@cache
def _imports(name: str, packages: Packages) -> tuple[str, ...]:
    """List the modules, of `packages` and of the user, that `name` imports when it runs."""
    return tuple(entry for entry in _named(name, packages) if _exists(entry, packages))


def _libraries(name: str, packages: Packages) -> Iterator[str]:
    """Give the installed libraries, of those whose version counts, that `name` imports when it runs."""
    for top in {entry.partition(".")[0] for entry in _named(name, packages)}:
        if not _exists(top, packages) and (library := versioned(top)):
            yield library


@cache
def _named(name: str, packages: Packages) -> tuple[str, ...]:
    """List the dotted names that `name` may import when it runs."""
    found: list[str] = []
    for node in _run(_parsed(_file(name, packages))):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, name, packages)
            found.append(origin)
            found.extend(f"{origin}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(IMPORTERS):
            first = node.args[0]
            found += [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
    return tuple(found)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk `tree` without the blocks that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for other in node.orelse:
                yield other
                yield from _run(other)
            continue
        yield node
        yield from _run(node)


def _origin(node: ast.ImportFrom, name: str, packages: Packages) -> str:
    if not node.level:
        return node.module or ""
    is_package = _file(name, packages).name == "__init__.py"
    base = name.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _path(name: str, packages: Packages) -> Path | None:
    first, *rest = name.split(".")
    root = next((package for package in packages if package.name == first), None) or local(first)
    return root.joinpath(*rest) if root else None


@cache
def _exists(name: str, packages: Packages) -> bool:
    path = _path(name, packages)
    return path is not None and (path.with_suffix(".py").is_file() or path.is_dir())


def _file(name: str, packages: Packages) -> Path:
    path = _path(name, packages)
    if path is None:
        raise FileNotFoundError(f"module {name} is in none of the packages {', '.join(one.name for one in packages)}")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _rests_on(file: Path) -> tuple[str, ...]:
    """Return the constant VERSIONS_OF of a module."""
    for node in _parsed(file).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERSIONS_OF":
            return tuple(ast.literal_eval(node.value))
    return ()


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        extra = extra_of(library)
        remedy = f'install it by `pip install "lossbench[{extra}]"`' if extra else "install it"
        raise UserError(f"the package {library}, whose version names results, is not installed; {remedy}") from None


@cache
def _parsed(file: Path) -> ast.Module:
    # a folder without this file is a package too
    absent = file.name == "__init__.py" and file.parent.is_dir() and not file.exists()
    return ast.Module([], []) if absent else parsed(file)


@cache
def _normalised(file: Path) -> str:
    # parsed anew, since it is changed
    tree = _parsed.__wrapped__(file)
    # other people's code may read its docstrings
    used = _outside(file) and any(isinstance(node, ast.Name) and node.id == "__doc__" for node in ast.walk(tree))
    for node in ast.walk(tree):
        if not used and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # a string on its own line documents a module, class, function or field and changes nothing at run time
            node.body = [entry for entry in node.body if not _is_text(entry)] or [ast.Pass()]
    return ast.unparse(tree)


def _outside(file: Path) -> bool:
    return not any(file.is_relative_to(package) for package in PACKAGES)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
