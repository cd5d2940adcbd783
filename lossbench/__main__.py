"""The command `lossbench`: list the plugins, fetch data and weights, probe a loss, score, restore, export."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from lossbench.comparing import command as comparing
from lossbench.errors import UserError, exit_with_one_line, nearest, tolerate
from lossbench.exporting import command as exporting
from lossbench.files import check_readable_folder
from lossbench.probe import command as probing
from lossbench.restoring import command as restoring
from lossbench.usage.folding import folded, room
from lossbench.usage.parser import Parser
from lossbench.version import VERSION
from lossbench.weights import command as weights

Rows = list[dict[str, Any]]
DATA_ROOT = Path("data")
"""Where fetched data sets go, one folder each."""
FORMS = ("--csv", "--html", "--json", "--tex")
"""Options in whose form a verb prints."""
IN_A_CLONE = ("new", "plan", "tables", "tensorboard", "try")
"""Verbs that `python -m pipeline` has beside these."""
ABSENT = {"bytes": "unknown", "window": "the whole clip"}
"""What to say where a listed thing has no value, by the name of that value; of all others none."""


@dataclass(frozen=True)
class Verb:
    """One word behind the command."""

    text: str
    """What it does, for the help."""
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    example: str
    """A command that works, for the help."""


def listing_verb(text: str, rows: Callable[[argparse.Namespace], Rows], example: str) -> Verb:
    """Return a verb that prints `rows` in words or as JSON."""
    return Verb(text, json_option, lambda given: show(rows(given), given.json), example)


def json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of a verb that prints JSON when asked to."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def _shelf_verb(text: str, shelf: str) -> Verb:
    """Return the verb that lists a shelf, which is imported only then."""
    return listing_verb(text, lambda _: import_module(f"lossbench.{shelf}").listing(), f"lossbench {shelf} --json")


def losses_verb(folder: Path | None) -> Verb:
    """Return the verb that lists the losses, and the stored loss networks below `folder` when no other is given."""

    def options(parser: argparse.ArgumentParser) -> None:
        json_option(parser)
        words = f"default {folder}" if folder else "left out, none is looked for"
        parser.add_argument("--weights", type=Path, default=folder, help=f"folder of stored loss networks ({words})")

    def listed(given: argparse.Namespace) -> None:
        from lossbench.losses import listing
        from lossbench.weights.finding import all_places, in_words

        # where stored ones would lie may be a folder that is not made yet; one that is asked for is
        if given.weights is not None and given.weights is not folder:
            check_readable_folder(given.weights, "--weights")
        # read once for all losses
        places = all_places()
        found = listing(given.weights)
        # of what is at fault nothing but that is known
        rows = [row if "fault" in row else {**row, "auto": in_words(row["name"], places)} for row in found]
        if not given.json:
            # nothing was looked for, which is not to be told as nothing found
            left_out = () if given.weights is not None else ("weights",)
            rows = [{key: value for key, value in row.items() if key not in left_out} for row in rows]
            # the sentence stands before other entries
            rows = [
                {key: value.removesuffix(".") if key == "rewards" else value for key, value in row.items()}
                for row in rows
            ]
            # a loss without a loss network takes no file
            rows = [{key: value for key, value in row.items() if key != "auto" or value} for row in rows]
        show(rows, given.json)

    text = "losses with what each rewards, its source, the loss networks that it needs, and the files of these"
    return Verb(text, options, listed, "lossbench losses --weights weights/")


def fetch_verb(data_root: Callable[[], Path]) -> Verb:
    """Return the verb that downloads data sets, below the folder that `data_root` gives, and weights."""

    def fetch(given: argparse.Namespace) -> None:
        show(weights.fetched(given, data_root), given.json)

    return Verb(weights.FETCH, weights.fetch_options, fetch, weights.FETCH_EXAMPLE)


def _import_weights(given: argparse.Namespace) -> None:
    show(weights.import_weights(given), given.json)


def _measure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prediction", type=Path, help="a picture file, or a folder of them")
    parser.add_argument("target", type=Path, nargs="?", help="its ground truth; left out where no metric needs one")
    parser.add_argument("--metric", required=True, metavar="NAMES", help="metrics with commas, such as psnr,ssim")
    suffix = "what pictures of the folder have behind the names of their targets, such as _x4"
    parser.add_argument("--suffix", default="", help=suffix)
    colours = "rgb, y601 (or y), y601_rounded or gray; left out, each metric's usual one"
    parser.add_argument("--protocol", metavar="COLOUR", help=colours)
    parser.add_argument("--crop", type=int, default=0, help="pixels cut from each side (default 0)")
    parser.add_argument("--no-rounding", action="store_true", help="do not round to 8-bit levels first")
    parser.add_argument("--peak", type=int, help="level of 16-bit files that stands for white (default 65535)")
    parser.add_argument("--bits", type=int, help="bits that values of 16-bit files have: 11 is --peak 2047")
    parser.add_argument("--clip", action="store_true", help="a folder holds the frames of one clip, 2 before 10")
    parser.add_argument("--weights", action="append", default=[], metavar="METRIC=FILE", help="a stored loss network")
    parser.add_argument("--jobs", metavar="N", help="processes that score pictures beside each other")
    json_option(parser)


def _measure(given: argparse.Namespace) -> None:
    from lossbench.formats.pairs import peak_of
    from lossbench.measure import main, requested
    from lossbench.measuring.processes import checked_jobs

    jobs = checked_jobs(given.jobs, "--jobs")
    request = requested(given.metric, given.protocol, given.crop, not given.no_rounding, given.weights)
    peak = peak_of(given.peak, given.bits)
    main(given.prediction, given.target, request, given.clip, given.json, peak, jobs, given.suffix)


VERBS: dict[str, Verb] = {
    "networks": _shelf_verb("restoration networks with their parameters at published size", "networks"),
    "losses": losses_verb(None),
    "loss_networks": _shelf_verb("loss networks with their parameters at published size", "loss_networks"),
    "metrics": _shelf_verb("metrics with their sources and protocols", "metrics"),
    "datasets": _shelf_verb("data sets with licence, size and where to get them", "datasets"),
    "fetch": fetch_verb(lambda: DATA_ROOT),
    "import_weights": Verb(weights.IMPORT, weights.import_options, _import_weights, weights.IMPORT_EXAMPLE),
    "probe": Verb(probing.TEXT, probing.options, probing.run, probing.EXAMPLE),
    "measure": Verb(
        "scores of picture files or folders, with the protocol of each",
        _measure_options,
        _measure,
        "lossbench measure restored/ ground_truth/ --metric psnr,ssim",
    ),
    "compare": Verb(comparing.TEXT, comparing.options, comparing.run, comparing.EXAMPLE),
    "restore": Verb(restoring.TEXT, restoring.options, restoring.run, restoring.EXAMPLE),
    "export": Verb(exporting.TEXT, exporting.options, exporting.run, exporting.EXAMPLE),
}


def run(program: str, text: str | None, verbs: Mapping[str, Verb]) -> None:
    """Run the verb of the command line; bad input gives one line and exit code 1."""
    tolerate()
    # a plugin of the user may lie in the working folder, where a command that is installed does not look
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    parser = Parser(prog=program, description=text)
    parser.add_argument("--version", action="version", version=f"lossbench {VERSION}", help="print the version")
    chosen = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    parsers: dict[str, Parser] = {}
    for name, verb in verbs.items():
        parsers[name] = chosen.add_parser(name, help=verb.text, description=verb.text, example=verb.example)
        verb.options(parsers[name])

    def parsed_and_run() -> None:
        asked = sys.argv[1:2]
        if asked and not asked[0].startswith("-") and asked[0] not in verbs:
            parser.error(f"{asked[0]}: no verb; {nearest(asked[0], verbs)}")
        given, rest = parser.parse_known_args()
        if rest:
            _refuse(rest, sys.argv, parsers[given.verb])
        verbs[given.verb].run(given)

    exit_with_one_line(parsed_and_run)


def _refuse(rest: Sequence[str], arguments: Sequence[str], parser: Parser) -> NoReturn:
    """Say that the verb of `parser` does not take the `rest` of the command line; one behind a switch is no value."""
    before = dict(zip(arguments[1:], arguments[:-1], strict=True)).get(rest[0], "")
    if not before.startswith("--") or rest[0].startswith("-"):
        parser.refuse(rest)
    way = f"it prints; write a file by > {rest[0]} behind the command" if before in FORMS else "leave it out"
    raise UserError(f"{before} {rest[0]}: {before} takes no value, {way}")


def main() -> None:
    """Run the command `lossbench`; of the verbs of a clone it says how they are run."""
    if (verb := sys.argv[1:2]) and verb[0] in IN_A_CLONE:
        exit_with_one_line(lambda: _refuse_outside(verb[0]))
    run("lossbench", __doc__, VERBS)


def _refuse_outside(verb: str) -> NoReturn:
    raise UserError(
        f"{verb}: tables and trials are made in a clone of the repository; run `python -m pipeline {verb}` there"
    )


def show(rows: Rows, as_json: bool) -> None:
    """Print `rows`, each a dictionary with a name, in words or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        words = {key: ABSENT.get(key, "none") if value is None else _words(value) for key, value in row.items()}
        rest = "; ".join(f"{key}: {text}" for key, text in words.items() if key != "name")
        print("\n".join([row["name"], *folded(rest, room(), "    ", "")]))


def _words(value: Any) -> str:
    """Return lists and dictionaries without the marks of Python."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inner(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_words(entry) for entry in value) or "none"
    return str(value)


def _inner(value: Any) -> str:
    return f"({_words(value)})" if isinstance(value, dict | list) else str(value)


if __name__ == "__main__":
    main()
