"""How a verb is asked for: help that fits the terminal, examples to paste, and mistakes in one line."""

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterable
from typing import Any, NoReturn

from lossbench.errors import nearest, one_line, tell

MISTYPED = 2
"""Exit code of a command line that is none, as of other programs."""
_OPTION = re.compile(r"--[\w-]+")
_PART = re.compile(r"\[[^\[\]]*\]|\S+")
"""An option with its value in brackets, or a word."""
_HELD = "\xa0"
"""Stands for the spaces at which a part is not broken."""


class Parser(argparse.ArgumentParser):
    """A parser that prints an example below its help, and one line with the nearest word for what it does not take."""

    def __init__(self, *, example: str = "", **options: Any) -> None:
        """Make a parser as argparse does, with a command as `example`."""
        super().__init__(**options)
        self.example = example

    def format_help(self) -> str:
        """Return the help, no wider than the terminal; an example in several lines is still one command of a shell."""
        usage, _, rest = super().format_help().partition("\n\n")
        text = f"{_wrapped(usage)}\n\n{rest}"
        return f"{text}\nexample:\n{pasteable(self.example)}\n" if self.example else text

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and where help is, in one line and exit."""
        tell(f"error: {one_line(message)}; {self.prog} --help says what it takes")
        raise SystemExit(MISTYPED)

    def refuse(self, words: Iterable[str]) -> NoReturn:
        """Say that the verb does not take `words`, the first of which may be an option with a slip in it."""
        given = list(words)
        known = set(_OPTION.findall(self.format_usage()))
        name = given[0].partition("=")[0]
        hint = f"; {nearest(name, known)}" if name.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(given)}{hint}")


def pasteable(command: str) -> str:
    """Return `command` indented and, where the terminal is narrow, in lines that a shell reads as one."""
    # behind a line and its indent there is room for what continues it
    lines = _lines(command, _width() - len("     \\"))
    return " \\\n    ".join([f"  {lines[0]}", *lines[1:]])


def _wrapped(usage: str) -> str:
    """Return argparse's `usage` with a short indent, since its own leaves no room where the terminal is narrow."""
    if max(map(len, usage.splitlines())) <= _width():
        return usage
    held = _PART.sub(lambda part: part[0].replace(" ", _HELD), " ".join(usage.split()))
    return "\n    ".join(_lines(held, _width() - 4)).replace(_HELD, " ")


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return shutil.get_terminal_size().columns
