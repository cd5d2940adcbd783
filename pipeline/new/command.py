"""The verb `new`: a commented file that works as it stands, for a table, a loss or a network of one's own."""

import argparse
import json

TEXT = "a commented file that works, for a table, a loss or a network of your own, with what its tests ask for"
EXAMPLE = "python -m pipeline new loss gradients"
KINDS = ("table", "loss", "network")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("kind", choices=KINDS, help="what is to be made")
    parser.add_argument("name", metavar="NAME", help="its name: small letters, digits and underscores")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(given: argparse.Namespace) -> None:
    """Write the files and say what to do with them; raises UserError as `made`."""
    from pipeline.new.files import made

    found = list(made(given.kind, given.name))
    if given.json:
        print(json.dumps([{what: text} for what, text in found], indent=1))
        return
    for what, text in found:
        print(f"{what}: {text}")
