"""Print the demo's numbers of the log-cosh paper as docs/log-cosh.md shows them.

`uv run python docs/log_cosh_numbers.py figure6` (or `figure10`, `claims`), after `uv run snakemake report`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
from _paper_results import claims_table, plain, print_part, read_claims, read_table

from lossbench.errors import exit_with_one_line

PAPER = "log_cosh"
METRICS = {"figure6": ("squared_error", "kl", "frechet_vgg16"), "figure10": ("ssim", "psnr")}
"""What is printed of each table, and in which order."""
DIGITS = {"squared_error": 2, "kl": 2, "frechet_vgg16": 0, "fid": 0, "psnr": 2}
PARTS = (*METRICS, "claims")


def heading() -> str:
    """Return the first row of every table that is printed, a line each."""
    return "\n".join(map(_heading, PARTS))


def _heading(part: str) -> str:
    if part == "claims":
        return "| what the paper says | the demo | verdict |"
    return f"| loss | {' | '.join(METRICS[part])} |"


def numbers(table: str) -> str:
    """Return the mean of every row and its deviation over seeds; raises UserError where the table is not made."""
    long = read_table(PAPER, table)
    lines = [_heading(table), "|" + " --- |" * (1 + len(METRICS[table]))]
    trivial = long.drop_duplicates("metric").set_index("metric")
    cells = (_plain(float(trivial["trivial"][name]), name) for name in METRICS[table])
    lines.append(f"| {trivial['trivial_method'].iloc[0]} | {' | '.join(cells)} |")
    for loss, rows in long.groupby("loss", sort=False):
        found = {row["metric"]: row for row in rows.to_dict("records")}
        lines.append(f"| `{loss}` | {' | '.join(_cell(found[name]) for name in METRICS[table])} |")
    return "\n".join(lines)


def claims() -> str:
    """Return every claim that was judged, its difference or share with the interval; raises UserError without any."""
    judged = [claim for table in METRICS for claim in read_claims(PAPER, table)]
    return claims_table(_heading("claims"), judged, DIGITS)


def _cell(row: Mapping[Any, Any]) -> str:
    spread = "" if pd.isna(row["sd_over_seeds"]) else f" ± {_plain(row['sd_over_seeds'], str(row['metric']))}"
    return f"{_plain(row['value'], str(row['metric']))}{spread}"


def _plain(value: float, metric: str) -> str:
    return plain(value, metric, DIGITS)


if __name__ == "__main__":
    tables = {table: partial(numbers, table) for table in METRICS}
    exit_with_one_line(lambda: print_part(__doc__, {**tables, "claims": claims}))
