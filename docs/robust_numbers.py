"""Print the demo's numbers of the robust-perceptual paper as docs/robust-perceptual.md shows them.

`uv run python docs/robust_numbers.py table1` (or `table2`, `figure1`, `claims`, `time`), after
`uv run snakemake report`.
"""

from functools import partial

import pandas as pd
from _paper_results import RESULTS, plain, print_part, read_claims, read_table

from lossbench.errors import UserError, exit_with_one_line
from pipeline.pages.claims import KINDS
from pipeline.pages.inputs import read_json
from pipeline.pages.readme import AGAIN, COUNTED

PAPER = "robust_perceptual"
DIGITS = {"psnr": 2, "accuracy": 1, "adversarial_accuracy": 1, "untargeted_accuracy": 1, "robust_error": 1}
DIGITS |= {"standard_error": 1, "efficientnet_error": 1}
METRICS = {
    "table1": ("accuracy", "adversarial_accuracy", "untargeted_accuracy"),
    "table2": ("psnr", "ssim", "uqi_sewar", "vif_unit_range", "gmsd_full", "pseudo_2afc", "robust_pseudo_2afc"),
    "figure1": ("robust_error", "standard_error", "efficientnet_error"),
}
"""What is printed of each table, and in which order."""
TRAINED = {
    "classifiers": "train_classifier/*/*/card.json",
    "distances": "train_distance/*/*/card.json",
    "networks": "train/*/*/enhancenet/*/*/card.json",
}
"""Cards of what is trained for the paper, below the results."""
VERDICTS = {words: each for words, each in COUNTED.items() if words not in ("confirmed in size", "confirmed, smaller")}
"""Columns of the table of claims: at a reduced scale no size is judged."""


def heading() -> str:
    """Return the first row of every table that is printed, a line each."""
    return "\n".join(_heading(name) for name in (*METRICS, "claims", "time"))


def _heading(table: str) -> str:
    if table == "claims":
        return f"| table | kind | claims | {' | '.join(VERDICTS)} |"
    if table == "time":
        return "| trained | number | minutes of training |"
    rows = "classifier" if table == "table1" else "loss"
    return f"| {rows} | {' | '.join(METRICS[table])} |"


def numbers(table: str) -> str:
    """Return ours and, in brackets, the paper's number of every row; raises UserError where the table is not made."""
    long = read_table(PAPER, table)
    long = long[long["metric"].isin(METRICS[table])]
    names = long["network"] + " " + long["loss"] if table == "table1" else long["loss"]
    lines = [_heading(table), "|" + " --- |" * (1 + len(METRICS[table]))]
    trivial = {row["metric"]: (row["trivial_method"], row["trivial"]) for row in long.to_dict("records")}
    method = next(iter(trivial.values()))[0]
    lines.append(f"| {method} | {' | '.join(_plain(trivial[name][1], name) for name in METRICS[table])} |")
    for name in dict.fromkeys(names):
        rows = {row["metric"]: row for row in long[names == name].to_dict("records")}
        cells = [_cell(rows[metric]) for metric in METRICS[table]]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def claims() -> str:
    """Return how many claims of each kind on each table got which verdict; raises UserError without verdicts."""
    lines = [_heading("claims"), "|" + " --- |" * (3 + len(VERDICTS))]
    for table in METRICS:
        rows = [(claim.get("kind", "text"), claim["verdict"]) for claim in read_claims(PAPER, table)]
        for kind in (kind for kind in KINDS if kind != AGAIN):
            found = [verdict for own, verdict in rows if own == kind]
            counts = " | ".join(str(sum(map(found.count, words))) for words in VERDICTS.values())
            lines += [f"| `{PAPER}/{table}` | {kind} | {len(found)} | {counts} |"] if found else []
    return "\n".join(lines)


def times() -> str:
    """Return how long the trainings took, summed over jobs that run beside each other; raises UserError without any."""
    lines = [_heading("time"), "| --- | --- | --- |"]
    for what, pattern in TRAINED.items():
        cards = [read_json(file) for file in RESULTS.glob(pattern)]
        if not cards:
            raise UserError(f"{RESULTS}/{pattern}: no such file; run `uv run snakemake report`")
        lines.append(f"| {what} | {len(cards)} | {sum(card['seconds'] for card in cards) / 60:.0f} |")
    return "\n".join(lines)


def _cell(row: dict[str, float]) -> str:
    theirs = "" if pd.isna(row["published"]) else f" ({_plain(row['published'], str(row['metric']))})"
    return f"{_plain(row['value'], str(row['metric']))}{theirs}"


def _plain(value: float, metric: str) -> str:
    return plain(value, metric, DIGITS)


if __name__ == "__main__":
    tables = {table: partial(numbers, table) for table in METRICS}
    exit_with_one_line(lambda: print_part(__doc__, {**tables, "claims": claims, "time": times}))
