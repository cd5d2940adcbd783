"""The files of the configuration, YAML and CSV, read strictly: what could be read in two ways is refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lossbench.errors import UserError, nearest

_DECIMAL = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")
DEEPEST = 1000
"""Marks of nesting up to which a file is read by libyaml."""
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What spreadsheets put between the values of a CSV in place of commas."""


def read_text(file: Path) -> str:
    """Return the text of `file`, its lines ended by LF and without the mark of UTF-8 at its start.

    Raises UserError when it can't be read or is in another encoding.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(
            f"{file} can't be read ({error.strerror or error}); mend its place or its permissions"
        ) from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:1024]:
        raise UserError(f"{file} is in UTF-16 or another encoding of several bytes; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"0x{content[error.start]:02x}"
        raise UserError(f"{file}, line {line}: byte {byte} is not UTF-8; save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_yaml(file: Path) -> Any:
    """Return the content of a YAML file; raises UserError naming the line of what is no YAML or is given twice."""
    text = read_text(file)
    try:
        return _loaded(text)
    except _TwoWaysError as error:
        raise UserError(f"{file}, {error}") from None
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{file} is not valid YAML: {_problem(error)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # a character that may not stand there, a date that is none, thousands of brackets
        reason = " ".join(str(error).split())
        raise UserError(f"{file} is not valid YAML: {reason}; quote text, and keep it plain") from None


def read_csv(file: Path, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file with the numbers of their last lines.

    Raises UserError naming the line for a file whose header lacks one of `required` or names one twice, for a row with
    more or fewer values than the header, and for values that are not separated by commas.
    """
    reader = csv.reader(io.StringIO(read_text(file), newline=""), strict=True)
    try:
        header = next(reader, [])
        if not any(header):
            raise UserError(f"{file} is empty; its first line is the header {','.join(required)}")
        _check_header(file, header, required)
        rows = []
        for row in reader:
            if not row:
                continue
            where = f"{file}, line {reader.line_num}"
            if len(row) != len(header):
                raise UserError(f"{where}: {len(row)} values, the header has {len(header)}; quote values with commas")
            rows.append((reader.line_num, dict(zip(header, row, strict=True))))
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: {error}; mend that line") from None
    return rows


def number(where: str, name: str, text: str) -> float:
    """Return the number that `text` of the column `name` is; raises UserError naming `where` for anything else."""
    value = float(text) if _DECIMAL.fullmatch(text) else float("nan")
    if not abs(value) < float("inf"):
        raise UserError(f"{where}: {name}: '{text}' is no number; write it with a point, such as 31.25")
    return value


def check_separator(file: Path, header: Sequence[str]) -> None:
    """Raise UserError for a CSV whose `header` is one name only, in which something other than a comma separates."""
    for mark, words in SEPARATORS.items():
        if len(header) == 1 and mark in header[0]:
            raise UserError(f"{file}, line 1: values are separated by {words}; save it with commas")


def _check_header(file: Path, header: list[str], required: Sequence[str]) -> None:
    check_separator(file, header)
    for name in required:
        if name not in header:
            others = [other for other in header if other not in required]
            raise UserError(f"{file}, line 1: no column '{name}'; {nearest(name, others)}")
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{file}, line 1: column '{name}' is given twice; keep one")


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_PLAIN = re.compile(r"[-+]?(0|[1-9][0-9]*|(0|[1-9][0-9]*)?\.[0-9]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN)")


class _TwoWaysError(Exception):
    """What can be read in two ways: a key that a mapping has twice, a number that is another one to YAML."""


def _loaded(text: str) -> Any:
    """Return the content of `text`; what is no YAML is told in the words of the reader that says more of it.

    Refuses a key given twice in one mapping; what is merged into it by `<<` it may change. Refuses numbers that YAML
    1.1 takes for others than they look like: `010` is 8 there, `1:30` is 90, `1_0` is 10.
    """
    # libyaml's reader takes a tenth of the time and is not everywhere; it follows brackets and dashes down its stack,
    # without an end
    if hasattr(yaml, "CSafeLoader") and sum(map(text.count, ("[", "{", "- -", "? "))) < DEEPEST:
        with suppress(yaml.YAMLError):
            return _constructed(yaml.CSafeLoader(text))
    return _constructed(yaml.SafeLoader(text))


def _constructed(reader: Any) -> Any:
    """Return the content that `reader` has; raises _TwoWaysError for what can be read in two ways."""
    try:
        if (node := reader.get_single_node()) is None:
            return None
        # before merges put other keys beside those of a mapping
        _check(node)
        return reader.construct_document(node)
    finally:
        reader.dispose()


def _check(whole: yaml.Node) -> None:
    waiting, seen = [whole], set[int]()
    while waiting:
        node = waiting.pop()
        # an anchor's node stands in several places
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            _check_number(node)
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            _check_keys(node)
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]


def _check_number(node: yaml.ScalarNode) -> None:
    if node.tag in _NUMBERS and not _PLAIN.fullmatch(node.value):
        line = node.start_mark.line + 1
        raise _TwoWaysError(f"line {line}: '{node.value}' can be read in two ways; write a plain number, or quote text")


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            first = f"first in line {lines[name]}"
            raise _TwoWaysError(f"line {line}: '{key.value}' is given twice ({first}); keep one")
        lines[name] = line


def _problem(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    said = " ".join((error.problem or error.context or "can't be read").split())
    if "'\\t'" in said:
        return f"{where}a tab; indent with spaces"
    return f"{where}{said}; mend that line"
