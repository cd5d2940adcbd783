"""The demo's results of a paper, as the scripts read them that print its numbers."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lossbench.errors import UserError
from pipeline.outputs.rows import read_rows
from pipeline.pages.inputs import read_json

RESULTS = Path("results/demo")


def read_table(paper: str, table: str) -> pd.DataFrame:
    """Return the long form of a table; raises UserError where it is not made."""
    file = RESULTS / "tables" / paper / f"{table}.csv"
    try:
        return read_rows(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} can't be read ({error}); run `uv run snakemake {paper}_{table}`") from None


def read_claims(paper: str, table: str) -> list[dict[str, Any]]:
    """Return the judged claims on a table; raises UserError without verdicts."""
    file = RESULTS / "verdicts" / paper / f"{table}.json"
    if not file.is_file():
        raise UserError(f"{file} is missing; run `uv run snakemake report`")
    claims: list[dict[str, Any]] = read_json(file)["claims"]
    return claims


def plain(value: float, metric: str, digits: Mapping[str, int]) -> str:
    """Return a number of `metric` with its `digits`, four where they are not given."""
    return f"{value:.{digits.get(metric, 4)}f}"


def print_part(description: str | None, made: Mapping[str, Callable[[], str]]) -> None:
    """Print that part of a page, of those that are `made`, which the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("part", choices=[*made])
    print(made[parser.parse_args().part]())
