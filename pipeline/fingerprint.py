"""A hash of the code that a job runs: the modules it starts from and all of this package that they import."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def fingerprint(*modules: str, package: Path = PACKAGE) -> str:
    """Return 12 hexadecimal digits that change when, and only when, code reachable from `modules` changes.

    Comments, docstrings and layout do not count. `modules` are dotted names inside `package`. Only static imports are
    followed: a plugin that is imported by name must be listed. Raises FileNotFoundError for an unknown module.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(frozenset(modules), package)):
        digest.update(f"{name}\n{_normalised(_file(name, package))}\n".encode())
    return digest.hexdigest()[:12]


def clear() -> None:
    """Forget what was read, so that files edited since are seen."""
    _parsed.cache_clear()
    _normalised.cache_clear()
    _imports.cache_clear()
    _closure.cache_clear()


@cache
def _closure(modules: frozenset[str], package: Path) -> frozenset[str]:
    found: set[str] = set()
    queue = list(modules)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        parents = [name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)]
        queue.extend([*parents, *_imports(name, package)])
    return frozenset(found)


@cache
def _imports(name: str, package: Path) -> tuple[str, ...]:
    """List the modules of `package` that `name` imports."""
    found: list[str] = []
    for node in ast.walk(_parsed(_file(name, package))):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, name, package)
            found.append(origin)
            found.extend(f"{origin}.{alias.name}" for alias in node.names)
    return tuple(entry for entry in found if entry.split(".")[0] == package.name and _exists(entry, package))


def _origin(node: ast.ImportFrom, name: str, package: Path) -> str:
    if not node.level:
        return node.module or ""
    is_package = _file(name, package).name == "__init__.py"
    base = name.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _path(name: str, package: Path) -> Path:
    return package.joinpath(*name.split(".")[1:])


def _exists(name: str, package: Path) -> bool:
    path = _path(name, package)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _file(name: str, package: Path) -> Path:
    path = _path(name, package)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _normalised(file: Path) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # a string on its own line documents a module, class, function or field and changes nothing at run time
            body = [entry for entry in node.body if not _is_text(entry)]
            node.body = body or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
