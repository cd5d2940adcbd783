"""The page docs/results/README.md, out of the files beside it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from _paper_results import claims_table, plain, signed

from lossbench.names import counted
from pipeline.outputs.rows import read_rows
from pipeline.pages.claims import AGAIN, KINDS
from pipeline.pages.inputs import read_json

COMMAND = "uv run python docs/bench_numbers.py --write"
PUBLISHED = {
    ("set5_x2", "psnr"): 33.64, ("set14_x2", "psnr"): 30.22, ("bsd100_x2", "psnr"): 29.55,
    ("set5_x4", "psnr"): 28.42, ("set14_x4", "psnr"): 25.99, ("bsd100_x4", "psnr"): 25.96,
    ("set5_x4", "ssim"): 0.8101, ("set14_x4", "ssim"): 0.7023, ("bsd100_x4", "ssim"): 0.6672,
}  # fmt: skip
"""Of MATLAB's bicubic enlargement on Y, as tables of super-resolution print them since SRCNN."""
DIGITS = {"psnr": 2, "niqe": 2, "grid": 2}
"""Behind the point, by metric; those of others are `plain`'s."""
WORDS = {"psnr": "PSNR", "ssim": "SSIM", "niqe": "NIQE"}
TASKS = {"x4": "Super-resolution x4 (EDSR, Set14)", "noise": "Denoising at level 25 (DnCNN, Set14)"}
"""Of the columns of the leaderboard."""
BESIDE = ("niqe", "grid", "echoes")
"""Metrics of the leaderboard beside those of the plane."""
FRONT, BEHIND, UNDECIDED = "on the front", "behind", "undecided"
UNASKED = (AGAIN, "untestable", "trivial")
"""Kinds of claims that the page leaves out."""
SCORING = ("evaluate", "tabulate", "compare", "figure", "judge", "report", "harness")
"""Rules that measure pictures, and what follows."""

HEADING = "| claim | found | verdict |"

Row = Mapping[Any, Any]


def page(kept: Path) -> str:
    """Return the page of findings out of the files in `kept`."""
    run, board = read_json(kept / "run.json"), read_rows(kept / "leaderboard.csv")
    claims, again, power = (read_rows(kept / f"{name}.csv") for name in ("claims", "again", "power"))
    long = {name: read_rows(kept / f"bench_{name}.csv") for name in ("super_resolution", "denoising")}
    columns = list(board.groupby("column", sort=False))
    parts = [
        "# What `bench` found",
        f"<!-- made by: {COMMAND} -->",
        _setting(run, int(board["n_seeds"].max())),
        "## Which loss",
        *(_places(str(column), rows) for column, rows in columns),
        f"![Losses in the plane of {' and '.join(map(_words, _axes(board)))}](leaderboard.png)",
        *(_board(str(column), rows) for column, rows in columns),
        "## What the MAE paper says, asked here",
        *_claims(claims),
        "## Whether to believe it",
        *_checks(again, power, long),
        "## How it was made",
        _made(run, read_rows(kept / "seconds.csv")),
        "<!-- /made by -->",
    ]
    return "\n\n".join(parts) + "\n"


def _setting(run: Row, seeds: int) -> str:
    return (
        "Narrow networks, trained on BSDS500's photographs without its test pictures, tested on sets that the field "
        f"knows: {counted(run['trained'], 'training')}, {counted(seeds, 'seed')} a loss. A loss is better or worse "
        "where the interval of its difference, over pictures and seeds, leaves out zero "
        "([statistics](../statistics.md)); all else is not to be told. What is found here is found at this size."
    )


def _axes(board: pd.DataFrame) -> tuple[str, str]:
    """Return the metrics of distortion and perception: those with bounds."""
    first, second = (name.removesuffix("_low") for name in board.columns if name.endswith("_low"))
    return first, second


def _places(column: str, rows: pd.DataFrame) -> str:
    """Return who is on the front, who is behind another one, and of whom neither can be said."""
    first, second = _axes(rows)
    standing = rows[rows["place"].isin((FRONT, BEHIND, UNDECIDED))]
    names = {place: list(standing.loc[standing["place"] == place, "loss"]) for place in (FRONT, BEHIND, UNDECIDED)}
    return "\n".join(
        [
            f"**{TASKS.get(column, column)}**, in the plane of {_words(first)} and {_words(second)}, beyond the noise:",
            "",
            f"- on the front, better than each other one in one of the two: {_listed(names[FRONT])};",
            f"- worse than some other one in both: {_listed(names[BEHIND])};",
            f"- neither can be said: {_listed(names[UNDECIDED])}.",
        ]
    )


def _listed(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(f'`{name}`' for name in names)})" if names else "none"


def _board(column: str, rows: pd.DataFrame) -> str:
    """Return the losses that stand for their curves, and the answers: levels, differences to the reference, cost."""
    axes = _axes(rows)
    beside = [name for name in BESIDE if name in rows and rows[name].notna().any()]
    heads = ["loss", *(f"{_words(axis)} (against the reference)" for axis in axes), *map(_words, beside)]
    heads += ["a step's time", "place"]
    lines = [f"### {TASKS.get(column, column)}", "", f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    shown = rows[rows["chosen"] | rows["number"].isna()]
    reference = shown[shown["chosen"] & shown[f"{axes[0]}_low"].isna()].iloc[0]
    for row in _records(shown):
        cells = [f"{_plain(row[axis], axis)}{_difference(row, axis, reference)}" for axis in axes]
        cells += [_plain(row[name], name) for name in beside]
        cost = "" if math.isnan(row["cost"]) else f"{row['cost']:.1f} x"
        place = "" if pd.isna(row["place"]) else row["place"]
        lines.append(f"| `{row['loss']}` | {' | '.join(cells)} | {cost} | {place} |")
    return "\n".join(lines)


def _difference(row: Row, axis: str, reference: Row) -> str:
    low, high = row[f"{axis}_low"], row[f"{axis}_high"]
    if math.isnan(low):
        return ""
    return f" ({_signed(row[axis] - reference[axis], axis)} [{_signed(low, axis)}, {_signed(high, axis)}])"


def _claims(claims: pd.DataFrame) -> Iterator[str]:
    """Give the claims of each kind with intervals and verdicts."""
    for kind in (kind for kind in KINDS if kind not in UNASKED):
        rows = claims[claims["kind"] == kind]
        if rows.empty:
            continue
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in rows["verdict"].value_counts().items())
        found = [{name: None if pd.isna(value) else value for name, value in row.items()} for row in _records(rows)]
        yield f"{KINDS[kind].capitalize()}: {verdicts}.\n\n{claims_table(HEADING, found, DIGITS)}"


def _checks(again: pd.DataFrame, power: pd.DataFrame, long: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Give what speaks for the numbers: bicubic rows, trained networks, A/A tests, and what could have been found."""
    found = long["super_resolution"].drop_duplicates(["column", "metric"]).set_index(["column", "metric"])["trivial"]
    lines = ["Bicubic enlargement beside the published figures:", "", "| set | metric | here | published |"]
    lines.append("| --- | --- | --- | --- |")
    for (column, metric), value in PUBLISHED.items():
        here = _plain(float(found[column, metric]), metric)
        lines.append(f"| {column} | {_words(metric)} | {here} | {_plain(value, metric)} |")
    yield "\n".join(lines)
    yield "\n".join(["PSNR of `original` over the answer without a network:", "", *_gains(long)])
    false = int(again["direction"].sum())
    words = f"The reference loss against itself got a direction in {false} of {len(again)} cells."
    psnr = power[(power["metric"] == "psnr") & power["detectable"].notna()]
    for table, rows in psnr.groupby("table", sort=False):
        least = rows["detectable"].median()
        words += f" In `{table}` four of five such runs would find a difference of {least:.2f} dB."
    yield words


def _gains(long: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    yield "| network | set | above |"
    yield "| --- | --- | --- |"
    for rows in long.values():
        for row in _records(rows[(rows["metric"] == "psnr") & (rows["loss"] == "original")]):
            yield f"| `{row['network']}` | {row['column']} | {_signed(row['value'] - row['trivial'], 'psnr')} dB |"


def _made(run: Row, seconds: pd.DataFrame) -> str:
    hours = seconds["seconds"].sum() / 3600
    scoring = seconds.loc[seconds["rule"].isin(SCORING), "seconds"].sum() / seconds["seconds"].sum()
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    made_on = "; ".join(" and ".join(run[name]) for name in ("device", "precision"))
    return (
        f"{counted(int(seconds['jobs'].sum()), 'job')} of {hours:.1f} hours in sum, of which measuring "
        f"and what follows took {100 * scoring:.0f} %; at most {run['peak_memory_mib'] / 1024:.1f} GiB a training. "
        f"{run['cores']} cores of {run['cpu']}; {made_on}; {versions}. "
        f"Not what it is named after: {'; '.join(run['stand_ins']) or 'nothing'}. "
        "The files beside this page hold all of it."
    )


def _words(metric: str) -> str:
    return WORDS.get(metric, f"`{metric}`")


def _plain(value: float, metric: str) -> str:
    return "" if math.isnan(value) else plain(value, metric, DIGITS)


def _signed(value: float, metric: str) -> str:
    return signed(value, metric, DIGITS)


def _records(frame: pd.DataFrame) -> Iterable[Row]:
    return frame.to_dict("records")
