"""`spandrel:NAME`: an architecture of the package spandrel as a restoration network, found by reading its files."""

import ast
from functools import cache
from pathlib import Path

from lossbench.assets.optional import absent
from lossbench.errors import UserError, nearest
from lossbench.files import parsed
from lossbench.plugins.modules import source_of

PREFIX = "spandrel:"
FOLDER = "spandrel.architectures"


def class_of(name: str) -> str:
    """Return `package.module:Name` of the architecture that `name` gives as `spandrel:NAME`.

    Raises UserError without the package, and with the nearest match for an architecture that it has not.
    """
    known, asked = _classes(), name.removeprefix(PREFIX)
    if asked not in known:
        raise UserError(f"network '{name}': spandrel has no '{asked}'; {nearest(asked, known)}")
    return f"{known[asked]}:{asked}"


@cache
def _classes() -> dict[str, str]:
    """Return the module of each class of a network that spandrel makes public."""
    source = source_of(FOLDER)
    if source is None:
        raise absent("spandrel", f"{PREFIX}NAME")
    found: dict[str, str] = {}
    for file in sorted(source.parent.glob("[!_]*/__init__.py")):
        # what reads a file of weights ends so
        found |= {each: f"{FOLDER}.{file.parent.name}" for each in _public(file) if not each.endswith("Arch")}
    return found


def _public(file: Path) -> tuple[str, ...]:
    for node in parsed(file).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    return ()
