"""The command line of a stage, read from the signature of its `main`; the spec comes through standard input.

A spec may be longer than one argument of a command may be (128 KiB on Linux).
"""

import argparse
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from lossbench.errors import UserError, exit_with_one_line
from pipeline.outputs.layout import of_record
from pipeline.outputs.remedies import files_of_stages, memory_of_stages
from pipeline.records.made import made
from pipeline.records.reading import check_given
from pipeline.records.record import write_record

RECORD = "--record"
"""The option of every stage that takes the path of its job's record and the digest of what decides its files."""

LAUNCH = "pipeline.dividing.launch"
"""Imported by its name: how many processes there are is no part of what a result depends on."""


def run(main: Callable[..., object]) -> None:
    """Call the `main` of a stage with what the command line and standard input say; a UserError becomes one line."""
    exit_with_one_line(lambda: recorded(main, sys.argv[1:], _standard_input))


def recorded(main: Callable[..., object], arguments: Sequence[str], read: Callable[[], str]) -> None:
    """Call `main` as `given` says; where the record of its job is asked for, write that when all its files are there.

    What it reads of other jobs is compared with their records before. Raises UserError as `given`, `check_given` and
    `main` do.
    """
    values = given(main, arguments, read)
    record = vars(_parser(main).parse_args(arguments))[RECORD]
    job = None if record is None else of_record(record[0])
    if job is not None:
        check_given(job, values)
    processes = max((getattr(value, "processes", 1) for value in values.values()), default=1)
    with files_of_stages(), memory_of_stages(_stage_of(main)):
        if processes > 1:
            # torch's launcher is imported where it is needed alone
            importlib.import_module(LAUNCH).launch(main, values, processes)
        else:
            main(**values)
    if record is not None:
        files = made(Path(job.root), map(Path, job.outputs().values())) if job is not None else {}
        write_record(Path(record[0]), record[1], values["code"], values["spec"], files)


def _standard_input() -> str:
    # None where the process was started without it
    try:
        return "" if sys.stdin is None else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"standard input can't be read ({error}); give the spec as JSON there") from None


def given(main: Callable[..., object], arguments: Sequence[str], read: Callable[[], str]) -> dict[str, Any]:
    """Return the arguments of `main`; a parameter that is a dataclass takes an option for each of its fields.

    Exits with the usage for options that it does not take; raises UserError for a spec, the text that `read` gives,
    that is none.
    """
    values = vars(_parser(main).parse_args(arguments))
    found: dict[str, Any] = {}
    for name, annotation, _ in _parameters(main):
        if name == "spec":
            text = read()
            if not text.strip():
                raise UserError(f"{annotation.__name__}: nothing on standard input; give the spec as JSON there")
            found[name] = annotation.from_json(text)
        elif is_dataclass(annotation):
            record: Any = annotation
            found[name] = record(**{field.name: values[field.name] for field in fields(annotation)})
        else:
            found[name] = values[name]
    return found


def _stage_of(main: Callable[..., object]) -> str:
    """Return the module that `main` is of by the name under which it is imported, also where it is run itself."""
    module = sys.modules[main.__module__]
    return module.__spec__.name if module.__spec__ else main.__module__


def _parser(main: Callable[..., object]) -> argparse.ArgumentParser:
    module, stage = sys.modules[main.__module__], _stage_of(main)
    text = f"{module.__doc__}\n\n{inspect.getdoc(main)}\n\nThe spec is read from standard input, as JSON."
    parser = argparse.ArgumentParser(
        prog=f"python -m {stage}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, annotation, default in _parameters(main):
        if is_dataclass(annotation):
            for field in fields(annotation):
                _add(parser, field.name, get_type_hints(annotation)[field.name], field.default)
        elif name != "spec":
            _add(parser, name, annotation, default)
    words = "write there what the files were made from, under the digest of that"
    parser.add_argument(RECORD, dest=RECORD, nargs=2, metavar=("PATH", "DIGEST"), help=words)
    return parser


def _parameters(main: Callable[..., object]) -> Iterator[tuple[str, Any, Any]]:
    """Give name, type and default of the parameters of `main`; the default is MISSING where there is none."""
    hints = get_type_hints(main)
    for name, parameter in inspect.signature(main).parameters.items():
        yield name, hints[name], MISSING if parameter.default is inspect.Parameter.empty else parameter.default


def _add(parser: argparse.ArgumentParser, name: str, annotation: Any, default: Any) -> None:
    """Add the option of one value: text, number, path, several paths, or paths by name."""
    # of all unions, those with None alone are used: such an option may be left out
    optional = get_origin(annotation) in (types.UnionType, Union)
    (kind,) = (each for each in get_args(annotation) if each is not type(None)) if optional else (annotation,)
    options: dict[str, Any] = {"required": default is MISSING and not optional}
    if default is not MISSING and default is not None:
        options |= {"default": default, "help": f"default {default}"}
    if get_origin(kind) is dict:
        options |= {"action": _Named, "nargs": "+", "metavar": "NAME=PATH"}
    elif get_origin(kind) in (list, Sequence):
        (kind,) = get_args(kind)
        options |= {"type": kind, "nargs": "+", "metavar": kind.__name__.upper()}
    else:
        options |= {"type": kind, "metavar": kind.__name__.upper()}
    parser.add_argument(f"--{name.replace('_', '-')}", dest=name, **options)


class _Named(argparse.Action):
    """Collects `NAME=PATH` in a dictionary."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        """Store the paths by name; exits with the usage for an entry of another form and for a name given twice."""
        found: dict[str, Path] = {}
        for entry in values:
            name, separator, path = entry.partition("=")
            if not separator or not name or name in found:
                parser.error(f"argument {option}: {entry}: give NAME=PATH, each name once")
            found[name] = Path(path)
        setattr(namespace, self.dest, found)
