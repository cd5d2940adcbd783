"""A hash of the code that a job runs: the modules that it starts from and all that they import, but for libraries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lossbench import plugins
from lossbench.assets.optional import extra_of
from lossbench.errors import UserError
from lossbench.plugins.modules import source_of
from lossbench.plugins.packages import distribution_of
from pipeline.code.source import Import, Kept, Source, read
from pipeline.outputs.modules import local, versioned

PACKAGES = (plugins.PACKAGE, Path(__file__).parents[1])
"""Folders of the library and of the pipeline."""

Packages = tuple[Path, ...]

_reader: Callable[[Path, bool], Source] = read


def keep_sources(path: Path) -> None:
    """Keep what is read of files at `path`, and take from there what was read before: planning again is quicker."""
    global _reader
    _reader = Kept(path).read


def fingerprint(*modules: str, packages: Packages = PACKAGES) -> str:
    """Return 12 hexadecimal digits that change when, and only when, code reachable from `modules` changes.

    Modules of the user that lie outside `packages` are followed too. Comments, docstrings, layout and imports for the
    type checker do not count; of installed libraries the version does, where a module imports one that defines numbers
    or names it in its constant VERSIONS_OF. `modules` are dotted names inside `packages`, of the user or of a library,
    perhaps with the plugin that is taken out of them behind a colon. Only imports that are written out are followed: a
    plugin that is imported by name must be listed. Raises FileNotFoundError for an unknown module, and UserError for a
    library of VERSIONS_OF that is not installed and for a file that is no Python.
    """
    return _fingerprint(frozenset(modules), packages)


@cache
def _fingerprint(modules: frozenset[str], packages: Packages) -> str:
    digest = hashlib.sha256()
    dotted = {name: name.partition(":")[0] for name in modules}
    libraries = {name for name, module in dotted.items() if _is_installed(module, packages)}
    for name in sorted(_closure(frozenset(dotted[name] for name in modules - libraries), packages)):
        digest.update(_counted(name, packages))
    for name in sorted(name for name in modules if ":" in name or name in libraries):
        library = versioned(name.partition(".")[0].partition(":")[0]) if name in libraries else None
        digest.update(f"{name}{f' {library} {_version(library)}' if library else ''}\n".encode())
    return digest.hexdigest()[:12]


def _is_installed(module: str, packages: Packages) -> bool:
    """Return whether the file of a module is one of a library: its package's version counts, and not its text."""
    return _path(module, packages) is None and source_of(module) is not None


def clear() -> None:
    """Forget what was read, so that files edited since are seen."""
    for remembered in (
        _fingerprint,
        _source,
        _named,
        _imports,
        _exists,
        _closure,
        _counted,
        local,
        versioned,
        distribution_of,
        source_of,
        _version,
    ):
        remembered.cache_clear()


@cache
def _counted(name: str, packages: Packages) -> bytes:
    """Return what counts of a module: its name and code, and the versions that its numbers rest on."""
    file = _file(name, packages)
    source = _source(file)
    libraries = sorted({*source.versions_of, *_libraries(name, packages)})
    lines = [name, source.code, *(f"{library} {_version(library)}" for library in libraries)]
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
    for entry in _source(_file(name, packages)).imports:
        origin = _origin(entry, name, packages)
        found += [origin, *(f"{origin}.{one}" for one in entry.names)]
    return tuple(found)


def _origin(node: Import, name: str, packages: Packages) -> str:
    if not node.level:
        return node.module
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


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        extra = extra_of(library)
        remedy = f'install it by `pip install "lossbench[{extra}]"`' if extra else "install it"
        raise UserError(f"the package {library}, whose version names results, is not installed; {remedy}") from None


@cache
def _source(file: Path) -> Source:
    # a folder without this file is a package too
    if file.name == "__init__.py" and file.parent.is_dir() and not file.exists():
        return Source((), (), "pass")
    # other people's code may read its docstrings
    return _reader(file, _outside(file))


def _outside(file: Path) -> bool:
    return not any(file.is_relative_to(package) for package in PACKAGES)
