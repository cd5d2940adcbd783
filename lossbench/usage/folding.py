"""Text that fits the terminal: lines are broken at words, and tables that are too wide stand below each other."""

import shutil
import textwrap
import unicodedata
from collections.abc import Sequence

NARROWEST = 20
"""Columns of a terminal that lines are broken for at least."""


def room() -> int | None:
    """Return how long lines may be: what COLUMNS says, else what the terminal has.

    None where standard output is no terminal: what is printed into a file or a pipe keeps its lines.
    """
    found = shutil.get_terminal_size((0, 0)).columns
    return max(NARROWEST, found) if found else None


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for a wide character, none for an accent of another."""
    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def folded(text: str, width: int | None, indent: str = "", further: str = "  ") -> list[str]:
    """Return `text` behind `indent` in lines of at most `width` characters, whole where that is None.

    Each line but the first is indented `further`. A word that is longer than a line, as a folder's name, is broken.
    """
    if width is None:
        return [indent + text]
    rest = indent + further
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=rest, break_on_hyphens=False) or [""]


def tabled(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, left: int = 1) -> list[str]:
    """Return aligned columns below `head`, the first `left` of them to the left and the others to the right.

    Where they are wider than `width` each row stands below its first entry, a line a value.
    """
    cells = [head, *rows]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padding = [" " * (most - columns(text)) for text, most in zip(row, widths, strict=True)]
        aligned = [
            text + space if place < left else space + text
            for place, (text, space) in enumerate(zip(row, padding, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    lines = [line(row) for row in cells]
    return lines if width is None or max(map(columns, lines)) <= width else stacked(head, rows, width)


def stacked(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, indent: str = "") -> list[str]:
    """Return each row below its first entry, a line a value behind its entry of `head`; empty values are left out."""
    lines = []
    for name, *values in rows:
        lines += folded(name, width, indent)
        for title, value in zip(head[1:], values, strict=True):
            lines += folded(f"{title}: {value}", width, indent + "  ") if value else []
    return lines
