"""Text that any terminal and log takes, and streams that never fail for a character."""

import io
import sys
import unicodedata

UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, of bytes that are not UTF-8 (`os.fsdecode`), and of line breaks."""


def one_line(text: str, keep: str = "") -> str:
    r"""Return `text` with what is not printable escaped as Python does (`\n`, `\xff`), save the characters `keep`."""
    return "".join(
        character if character in keep or unicodedata.category(character) not in UNPRINTABLE else _escaped(character)
        for character in text
    )


def shown(name: str) -> str:
    """Return the name of a file on one line; different names give different text."""
    return one_line(name.replace("\\", "\\\\"))


def tolerate() -> None:
    r"""Let standard output and error take every character: what their encoding lacks is printed as `\u2192`."""
    for stream in (sys.stdout, sys.stderr):
        # a stream that a program put in their place has no encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _escaped(character: str) -> str:
    code = ord(character)
    # bytes that are not UTF-8 come as these
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()
