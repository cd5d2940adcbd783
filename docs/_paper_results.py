"""The demo's results of a paper, as the scripts read them that print its numbers."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lossbench.errors import UserError
from pipeline.outputs.rows import read_rows
from pipeline.pages import inputs
from pipeline.pages.inputs import Card, Gaps, Table, read_json
from pipeline.pages.readme import AGAIN

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


def finished_tables(results: Path, papers: str, remedy: str) -> dict[str, Table]:
    """Return every table with verdicts of the folders that `papers` is a pattern of, by its name, complete.

    Raises UserError with the `remedy` for one that is not, or where there is none.
    """
    files = sorted((results / "verdicts").glob(f"{papers}/*.json"))
    if not files:
        raise UserError(f"{results}/verdicts holds no verdicts; {remedy}")
    gaps, tables = Gaps(), dict[str, Table]()
    for file in files:
        table = inputs.read_table(file, gaps)
        if not table.harness.get("passed"):
            raise UserError(f"{file}: the metrics do not meet their golden values; {remedy}")
        # a card that is missing is a gap
        assert table.cards is not None
        tables[table.name] = table
    for gap in gaps.found.values():
        raise UserError(f"{gap.file}: {gap.why}; {remedy}")
    return tables


def cards_of(tables: Mapping[str, Table]) -> list[Card]:
    """Return the card of every run of `tables`, each once."""
    return list({path: card for table in tables.values() for path, card in table.cards.items()}.values())


def claims_table(heading: str, claims: Iterable[Mapping[str, Any]], digits: Mapping[str, int]) -> str:
    """Return below a `heading` of three columns the claims but the A/A tests: text, what was found, and verdict."""
    rows = [
        f"| {claim['text']} | {_found(claim, digits)} | {claim['verdict']} |"
        for claim in claims
        if claim.get("kind") != AGAIN
    ]
    return "\n".join([heading, "| --- | --- | --- |", *rows])


def _found(claim: Mapping[str, Any], digits: Mapping[str, int]) -> str:
    reason = str(claim["reason"]).split(";")[0]
    if claim.get("won"):
        return f"{reason}; the paper: {claim['won'].replace('/', ' of ')}" if "/" in claim["won"] else reason
    # one number of several metrics says nothing, and some claims are on runs, not on a mean
    if claim.get("low") is None or not claim["metric"]:
        return reason
    middle, low, high = (signed(claim[name], claim["metric"], digits) for name in ("difference", "low", "high"))
    # of two that are said to be equal, none is the better one
    words = "off by" if claim.get("within") else "better by"
    return f"{claim['metric']} {words} {middle} [{low}, {high}]"


def signed(value: float, metric: str, digits: Mapping[str, int]) -> str:
    """Return a difference of `metric` with its sign, and the digits of `plain`."""
    return f"{value:+.{digits.get(metric, 4)}f}".replace("-", "−")


def plain(value: float, metric: str, digits: Mapping[str, int]) -> str:
    """Return a number of `metric` with its `digits`, four where they are not given."""
    return f"{value:.{digits.get(metric, 4)}f}"


def print_part(description: str | None, made: Mapping[str, Callable[[], str]]) -> None:
    """Print that part of a page, of those that are `made`, which the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("part", choices=[*made])
    print(made[parser.parse_args().part]())
