"""Whether a value out of a configuration is of the type of an annotation, which is read and not evaluated."""

import ast
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lossbench.errors import as_written
from lossbench.formats.numerals import as_number

WORDS = {
    **{"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text", "Path": "a path"},
    **{"None": "nothing", "Sequence": "a list", "list": "a list", "tuple": "a list"},
    **{"dict": "a mapping", "Mapping": "a mapping"},
}
"""What a configuration may give for the types that stand in annotations."""
FORMS = {*WORDS, "Any", "Literal", "Optional", "Union"}
"""Names that mean the same behind the name of a module: `typing.Optional`."""
OF_NUMBERS = ("torch", "nn", "np", "numpy")
"""What these modules have no configuration can give."""


def fits(value: Any, annotation: ast.expr) -> bool:
    """Return whether `value`, out of a configuration, may be given where `annotation` stands.

    What has a name that is none of `WORDS` may be another name of such a type, and takes anything; what is an attribute
    of a module of tensors or arrays, such as `torch.Generator`, no configuration can give.
    """
    match annotation:
        case ast.Attribute(attr=name) if name in FORMS:
            return fits(value, ast.Name(id=name))
        case ast.Subscript(value=ast.Attribute(attr=name), slice=slice) if name in FORMS:
            return fits(value, ast.Subscript(value=ast.Name(id=name), slice=slice))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return fits(value, left) or fits(value, right)
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return fits(value, ast.parse(text, mode="eval").body)
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
            return value is None or fits(value, slice)
        case ast.Subscript(value=ast.Name(id="Union"), slice=slice):
            return any(fits(value, one) for one in _parts(slice))
        case ast.Subscript(value=ast.Name(id="Sequence" | "list" | "tuple") as kind, slice=slice):
            return fits(value, kind) and _entries_fit(value, _parts(slice))
        case ast.Subscript(value=kind):
            return fits(value, kind)
        case ast.Attribute():
            return ast.unparse(annotation).partition(".")[0] not in OF_NUMBERS
        case _:
            return True


def _entries_fit(values: Sequence[Any], types: list[ast.expr]) -> bool:
    """Return whether each of `values` fits: a list has one type, a tuple one, then dots, or one for each entry."""
    if len(types) == 1 or isinstance(types[1], ast.Constant):
        return all(fits(value, types[0]) for value in values)
    return len(values) == len(types) and all(map(fits, values, types))


def _parts(slice: ast.expr) -> list[ast.expr]:
    return slice.elts if isinstance(slice, ast.Tuple) else [slice]


def words(annotation: ast.expr) -> str:
    """Return what `annotation` takes in words, as far as a configuration can give it."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return " or ".join(dict.fromkeys([*words(left).split(" or "), *words(right).split(" or ")]))
        case ast.Subscript(value=ast.Name(id="Sequence" | "list" | "tuple" as kind), slice=slice):
            inner = next((one for one in _parts(slice) if isinstance(one, ast.Name)), None)
            return WORDS[kind] + (f" of {WORDS[inner.id].removeprefix('a ')}s" if inner and inner.id in WORDS else "")
        case _:
            text = ast.unparse(annotation)
            return WORDS.get(text.split("[")[0], text)


def got(value: Any, annotation: ast.expr) -> str:
    """Return what was given, with what to write in its place where that is clear."""
    types = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    got = f"(got {as_written(value)})"
    if isinstance(value, str) and types & {"int", "float"} and (number := as_number(value, "float" not in types)):
        return f"{got}; write {number}"
    if isinstance(value, bool | int | float) and "str" in types:
        return f"{got}; put it in quotes"
    return got
