"""The verbs of both commands as they are there, and command lines as their parsers take them."""

import argparse
import io
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from lossbench.__main__ import Verb
from lossbench.__main__ import run as run_verbs

PROGRAMS = {"lossbench": "lossbench.__main__", "python -m pipeline": "pipeline.__main__"}
"""The module of each command, by what is typed."""
OTHER_NAMES = {"python -m lossbench": "lossbench"}


@cache
def verbs(program: str) -> Mapping[str, Verb]:
    """Return the verbs of a command by name, those that no test names too."""
    module, found = import_module(PROGRAMS[program]), dict[str, Verb]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run", lambda _, __, own: found.update(own))
        module.main()
    return found


def every_verb() -> list[tuple[str, str]]:
    """Return program and name of each verb, of those that both commands share once."""
    library = set(map(id, verbs("lossbench").values()))
    return [
        (program, name)
        for program in PROGRAMS
        for name, verb in verbs(program).items()
        if program == "lossbench" or id(verb) not in library
    ]


def split(command: str) -> tuple[str, list[str]] | None:
    """Return program and words of a command line, `uv run` in front of it left out; None for another program."""
    words = shlex.split(command)
    if words[:2] == ["uv", "run"]:
        words = words[2:]
    for typed, program in {**dict.fromkeys(PROGRAMS), **OTHER_NAMES}.items():
        if words[: len(typed.split())] == typed.split():
            return program or typed, words[len(typed.split()) :]
    return None


def parsed(program: str, words: Sequence[str]) -> argparse.Namespace:
    """Return what the parser of `program` makes of `words`; raises AssertionError with what it says of a mistake."""
    given: list[argparse.Namespace] = []
    recording = {name: replace(verb, run=given.append) for name, verb in verbs(program).items()}
    said = io.StringIO()
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stderr(said):
            patch.setattr(sys, "argv", [program, *words])
            run_verbs(program, None, recording)
    except SystemExit:
        raise AssertionError(f"{program} {shlex.join(words)}: {said.getvalue()}") from None
    return given[0]


def run(program: str, words: Sequence[str], patch: pytest.MonkeyPatch) -> int:
    """Run a verb in this process and return its exit code."""
    patch.setattr(sys, "argv", [program, *words])
    try:
        import_module(PROGRAMS[program]).main()
    except SystemExit as stopped:
        code: Any = stopped.code
        return int(code or 0)
    return 0
