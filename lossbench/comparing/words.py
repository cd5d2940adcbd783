"""A comparison in words and plain columns, for a terminal of any width."""

import shutil
from collections.abc import Sequence

from lossbench.comparing.numbers import HEAD, basis, heading, rows_of, sentence
from lossbench.comparing.result import Findings
from lossbench.errors import shown
from lossbench.usage.folding import NARROWEST, columns, folded, stacked


def in_words(result: Findings, width: int | None = None) -> str:
    """Return the comparison as lines of at most `width` characters, that of the terminal when None.

    Columns that do not fit stand below each other. A word that is longer than a line, as a folder's name, is broken.
    """
    room = max(NARROWEST, shutil.get_terminal_size().columns if width is None else width)
    lines = folded(shown(f"{basis(result)}; differences are to {result.reference}"), room)
    for metric in result.metrics:
        lines += ["", *folded(heading(result, metric), room)]
        lines += folded(f"protocol: {result.table.protocols[metric]}", room, "  ")
        rows = [tuple(map(shown, row)) for row in rows_of(result, metric)]
        lines += _columns(rows, room) or stacked(HEAD, rows, room, "  ")
    lines += ["", *(line for one in result.estimates for line in folded(shown(sentence(result, one)), room))]
    for title, entries in (("not covered", result.not_covered), ("note", result.notes)):
        lines += [line for entry in entries for line in folded(f"{title}: {shown(entry)}", room)]
    return "\n".join(lines)


def _columns(rows: Sequence[tuple[str, ...]], room: int) -> list[str]:
    """Return aligned columns; none where they do not fit."""
    cells = [HEAD, *rows]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        first = row[0] + " " * (widths[0] - columns(row[0]))
        middle = map(str.rjust, row[1:-1], widths[1:-1])
        lines.append(("  " + "  ".join([first, *middle, row[-1]])).rstrip())
    return lines if max(map(columns, lines)) <= room else []
