"""The verb `new`: a commented file that works as it stands, for a table, a loss or a network of one's own."""

import argparse

TEXT = "a commented file that works, for a table, a loss or a network of your own, with what its tests ask for"
EXAMPLE = "python -m pipeline new loss gradients"
KINDS = ("table", "loss", "network")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("kind", choices=KINDS, help="what is to be made")
    parser.add_argument("name", metavar="NAME", help="its name: small letters, digits and underscores")


def run(given: argparse.Namespace) -> None:
    """Write the files and say what to do with them; raises UserError as `made`."""
    from pipeline.new.files import made

    for line in made(given.kind, given.name):
        print(line)
