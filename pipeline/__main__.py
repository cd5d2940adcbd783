"""The verbs of `lossbench` in a clone of the repository, and those of its tables, scales and trials."""

import argparse
from pathlib import Path
from typing import Any

from lossbench.__main__ import VERBS, Verb, fetch_verb, json_option, listing_verb, losses_verb, run
from pipeline.following import command as following
from pipeline.new import command as new
from pipeline.trying import command as trying

CONFIG = Path("config")
RESULTS = Path("results")
"""Where stored loss networks are looked for."""


def _tables(_: argparse.Namespace) -> list[dict[str, Any]]:
    from pipeline.config.read import tables

    return tables(CONFIG)


def _plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", help="a file of config/scale; left out, the one of config/config.yaml")
    json_option(parser)


def _plan(given: argparse.Namespace) -> None:
    from pipeline.planning.report import report

    report(given.scale, CONFIG, given.json)


def _data_root() -> Path:
    from pipeline.config.read import values

    return Path(values(CONFIG)["data_root"])


PLAN = "jobs and GPU-hours of a scale, and the data and weights missing on this machine"


OWN: dict[str, Verb] = {
    "losses": losses_verb(RESULTS),
    "fetch": fetch_verb(_data_root),
    "tables": listing_verb("published tables that can be made here", _tables, "python -m pipeline tables --json"),
    "plan": Verb(PLAN, _plan_options, _plan, "python -m pipeline plan --scale paper"),
    "new": Verb(new.TEXT, new.options, new.run, new.EXAMPLE),
    "tensorboard": Verb(following.TEXT, following.options, following.run, following.EXAMPLE),
    "try": Verb(trying.TEXT, trying.options, trying.run, trying.EXAMPLE),
}
"""Verbs of a clone, some in the place of those of the library."""


def main() -> None:
    """Run one verb; bad input gives one line and exit code 1."""
    run("python -m pipeline", __doc__, {**VERBS, **OWN})


if __name__ == "__main__":
    main()
