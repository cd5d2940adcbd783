"""What counts of one Python file: what it imports when it runs, and its code without comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lossbench.files import parsed

IMPORTERS = ("import_module", "__import__")
"""Functions that import what they are given; a name that is written out is followed."""
LARGEST = 20_000_000
"""Bytes of a file of kept sources, with those of all edits, beyond which it is begun anew."""


class Import(NamedTuple):
    """One import of a file."""

    level: int
    """Dots before the module."""
    module: str
    names: tuple[str, ...]
    """What is taken out of it, each perhaps a module itself."""


class Source(NamedTuple):
    """One file."""

    imports: tuple[Import, ...]
    versions_of: tuple[str, ...]
    """Its constant VERSIONS_OF: libraries whose version counts."""
    code: str


def read(file: Path, with_its_docstrings: bool = False) -> Source:
    """Return what counts of `file`; raises UserError for what is no Python.

    Code that is run `with_its_docstrings` keeps them where it reads any.
    """
    tree = parsed(file)
    imports, libraries = tuple(_imports(tree)), _versions_of(tree)
    used = with_its_docstrings and any(isinstance(node, ast.Name) and node.id == "__doc__" for node in ast.walk(tree))
    for node in () if used else ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # a string on its own line documents a module, class, function or field and changes nothing at run time
            node.body = [entry for entry in node.body if not _is_text(entry)] or [ast.Pass()]
    return Source(imports, libraries, ast.unparse(tree))


class Kept:
    """What was read of files before, by the digest of their bytes: they are not parsed again.

    A line a file: digest of what it stands for, digest of itself, JSON. It is only added to, so that two processes may
    do so at once; a line that is not whole is passed over.
    """

    def __init__(self, path: Path) -> None:
        """Take what lies at `path`, where anything does."""
        self.path = path
        self._whole = path.is_file() and path.stat().st_size > LARGEST
        lines = path.read_bytes().splitlines() if path.is_file() and not self._whole else []
        self._known = {parts[0]: parts[2] for line in lines if len(parts := line.split(b" ", 2)) == 3 and _sound(parts)}

    def read(self, file: Path, with_its_docstrings: bool = False) -> Source:
        """Return what `read` returns."""
        key = _key(file, with_its_docstrings)
        if (text := self._known.get(key)) is not None:
            imports, libraries, code = json.loads(text)
            return Source(tuple(Import(level, name, tuple(of)) for level, name, of in imports), tuple(libraries), code)
        found = read(file, with_its_docstrings)
        self._keep(key, json.dumps(found).encode())
        return found

    def _keep(self, key: bytes, text: bytes) -> None:
        try:
            self.path.parent.mkdir(exist_ok=True)
            with self.path.open("wb" if self._whole else "ab") as kept:
                kept.write(b" ".join((key, _digest(text), text)) + b"\n")
        except OSError:
            # only slower
            return
        self._whole = False


def _key(file: Path, with_its_docstrings: bool) -> bytes:
    """Return what stands for `file`: its bytes, and what reads them."""
    reader = f"{sys.version} {with_its_docstrings} {Path(__file__).read_text(encoding='utf-8')}"
    return _digest(reader.encode() + b"\0" + file.read_bytes())


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _sound(parts: list[bytes]) -> bool:
    return _digest(parts[2]) == parts[1]


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(IMPORTERS):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(0, first.value, ())


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


def _versions_of(tree: ast.Module) -> tuple[str, ...]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERSIONS_OF":
            return tuple(ast.literal_eval(node.value))
    return ()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
