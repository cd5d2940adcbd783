"""The arguments of `lossbench.compare`: what they are, and messages that call them as Python does."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lossbench.errors import Notice, UserError, as_written, gathered
from lossbench.files import given_path

_CALLED = {"clip": "clip=True", "no-rounding": "rounding=False", "bits": "peak"}
"""Arguments that are not called as the options of the command are, by option."""
_OPTIONS = "bits|clip|crop|jobs|margin|metric|no-rounding|peak|protocol|reference|seeds|suffix|target|weights"
_OPTION = re.compile(rf"(?<!\S)--({_OPTIONS})(?![\w-])")


@contextmanager
def in_words_of_python() -> Iterator[None]:
    """Call options of the command as the arguments of the function in a UserError and in the notices of the block."""
    notices: list[Notice] = []
    try:
        with gathered() as notices:
            yield
    except UserError as error:
        error.args = _in_python(str(error.args[0])), *error.args[1:]
        raise
    finally:
        for notice in notices:
            warnings.warn(Notice(notice.where, _in_python(notice.what)), stacklevel=4)


def _in_python(message: str) -> str:
    # what the command has two options for
    message = message.replace("--bits or --peak", "--peak")
    return _OPTION.sub(lambda found: _CALLED.get(found[1], found[1]), message)


def text(value: object, name: str, example: str) -> str:
    """Return `value`; raises UserError naming the argument where it is no text."""
    if not isinstance(value, str):
        raise UserError(f"{name}: {as_written(value)} is no text; give one such as '{example}'")
    return value


def switch(value: object, name: str) -> bool:
    """Return `value`; raises UserError naming the argument where it is neither True nor False."""
    if not isinstance(value, bool):
        raise UserError(f"{name}: {as_written(value)} is neither True nor False; write one of them")
    return value


def white(value: object) -> int | None:
    """Return the level `value`; raises UserError where it is neither a whole number nor None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise UserError(f"peak: {as_written(value)} is no whole number; give the level that stands for white")
    return value


def stored(weights: object) -> list[str]:
    """Return a mapping from metrics to files as the command has it; raises UserError for what is none."""
    if weights is None:
        return []
    if not isinstance(weights, Mapping):
        raise UserError(f"weights: {as_written(weights)} is no mapping; give the file by metric: {{'lpips': 'a.pth'}}")
    return [f"{name}={given_path(file, f'weights of {name}')}" for name, file in weights.items()]
