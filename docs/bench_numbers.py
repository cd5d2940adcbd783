"""Write docs/results: `uv run python docs/bench_numbers.py --write`, after the report of the scale bench.

Its CSV files keep what the page says, so that the page can be checked without the results.
"""

import argparse
import json
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from _bench_page import page
from _machine import processor
from _paper_results import cards_of, finished_tables

from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from pipeline.outputs.rows import read_rows
from pipeline.pages.inputs import Table, read_json

RESULTS = Path("results/bench")
STORED = Path(".snakemake/metadata")
"""Where Snakemake keeps when each job began and ended."""
KEPT = Path(__file__).with_name("results")
REMEDY = "run `uv run snakemake report --config scale=bench data_root=DATA` until it ends without errors"
BOARD = "beyond/losses"
"""The table whose figure is the leaderboard."""
COLUMNS = ("column", "network", "loss", "metric", "better", "value", "sd_over_seeds", "difference", "low", "high",
           "p_holm", "n_images", "n_seeds", "trivial_method", "trivial")  # fmt: skip
"""Of the long tables that are kept."""
CLAIM = ("table", "id", "kind", "text", "metric", "difference", "low", "high", "won", "within", "verdict",
         "reason")  # fmt: skip
POWER = ("table", "loss", "axis", "metric", "difference", "low", "high", "detectable", "direction")
DIGITS = 6
"""Significant digits of what is kept."""


def collect(results: Path, stored: Path, kept: Path) -> None:
    """Write into `kept` what the page says of the finished `results` of the scale.

    `stored` is where Snakemake keeps the times of jobs. Raises UserError naming the first file that is missing,
    incomplete or can't be read.
    """
    tables = finished_tables(results, "*", REMEDY)
    for name, table in tables.items():
        columns = [column for column in COLUMNS if column in table.long.columns]
        _write(kept / f"{name.replace('/', '_')}.csv", table.long[columns])
    _write(kept / "claims.csv", _rows({name: table.claims for name, table in tables.items()}, CLAIM))
    _write(kept / "power.csv", _rows({name: table.summary for name, table in tables.items()}, POWER))
    _write(kept / "again.csv", _rows({name: table.again for name, table in tables.items()}))
    _write(kept / "seconds.csv", seconds(stored))
    drawn = results / "figures" / BOARD
    _write(kept / "leaderboard.csv", read_rows(_there(drawn.with_suffix(".csv"))))
    shutil.copyfile(_there(drawn.with_suffix(".png")), kept / "leaderboard.png")
    write_text(kept / "run.json", json.dumps(_run(tables), indent=1) + "\n")


def seconds(stored: Path) -> pd.DataFrame:
    """Return how many jobs each rule had, and their seconds in sum, as Snakemake has stored them."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for file in stored.glob("*"):
        job = read_json(file)
        if job["endtime"] is not None:
            # a job has a file for each of its outputs
            found[job["rule"]][" ".join(job["log"]) or file.name] = job["endtime"] - job["starttime"]
    if not found:
        raise UserError(f"{stored} holds no times of jobs; {REMEDY} in this folder")
    rows = [{"rule": rule, "jobs": len(each), "seconds": sum(each.values())} for rule, each in sorted(found.items())]
    return pd.DataFrame(rows)


def _there(file: Path) -> Path:
    if not file.is_file():
        raise UserError(f"{file} is missing; {REMEDY}")
    return file


def _rows(found: Mapping[str, Iterable[Mapping[str, Any]]], columns: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Return one part of the verdicts of each table as rows, with the table's name."""
    rows = [{"table": name, **row} for name, part in found.items() for row in part]
    return pd.DataFrame(rows, columns=None if columns is None else list(columns))


def _write(file: Path, frame: pd.DataFrame) -> None:
    numbers = frame.select_dtypes("float").columns
    write_text(file, frame.assign(**{name: frame[name].map(_rounded) for name in numbers}).to_csv(index=False))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value


def _run(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Return with what the runs of the tables were made: device, precision, versions, memory, and stand-ins."""
    cards = cards_of(tables)
    return {
        "trained": len(cards),
        "peak_memory_mib": max(card["peak_memory_mib"] for card in cards),
        "cores": os.cpu_count(),
        "cpu": processor(),
        "device": sorted({card["device"] for card in cards}),
        "precision": sorted({card["precision"] for card in cards}),
        "versions": cards[0]["versions"],
        "settings": {name: list(table.spec.settings) for name, table in tables.items()},
        "stand_ins": sorted({words for table in tables.values() for words in table.spec.stand_ins}),
    }


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew docs/results; else print the page of what it keeps")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"finished results (default {RESULTS})")
    given = parser.parse_args()
    if given.write:
        KEPT.mkdir(exist_ok=True)
        collect(given.results, STORED, KEPT)
        write_text(KEPT / "README.md", page(KEPT))
    elif not (KEPT / "run.json").exists():
        raise UserError(f"{KEPT} holds no results; give --write after a run of the scale")
    print(page(KEPT))


if __name__ == "__main__":
    exit_with_one_line(_main)
