"""What a trial has found, a sentence a metric: better, worse or not to be told, and what it could have found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lossbench.errors import UserError
from lossbench.names import counted
from pipeline.judging.summary import POWER
from pipeline.outputs.layout import path_of
from pipeline.pages.claims import telling
from pipeline.pages.matrix import UNITS
from pipeline.pages.numbers import interval, plain, signed
from pipeline.trying.asked import Asked

Row = dict[str, Any]
WORDS = {"confirmed": "better", "contradicted": "worse", "undecided": "undecided"}
"""What a verdict means for the loss that is tried."""


def page_of(asked: Asked) -> str:
    """Return the path of the page of the trial."""
    return path_of(f"results/{asked.name}", "report", "page", {})


def answers(asked: Asked) -> list[Row]:
    """Return the judged claims of the trial; raises UserError where there are none."""
    place = dict(zip(("paper", "table"), asked.table.split("/"), strict=True))
    file = Path(path_of(f"results/{asked.name}", "judge", "verdicts", place))
    try:
        rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))["claims"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file} can't be read ({error!r}); say the same command again") from None
    return rows


def answered(asked: Asked, row: Row) -> Row:
    """Return the answer of one metric, as JSON has it."""
    low, high = row["low"], row["high"]
    known = row["p_value"] is not None
    return {
        "metric": row["metric"],
        "answer": WORDS.get(row["verdict"], row["verdict"]),
        "difference": row["difference"],
        "low": low,
        "high": high,
        "seeds": row["n_seeds"],
        "pictures": row["n_images"],
        # of one run nothing is known of what others would differ by
        "could_have_found": (high - low) / 2 * POWER if known and low is not None and high is not None else None,
        "reason": row["reason"],
        "sentence": sentence(asked, row),
    }


def sentence(asked: Asked, row: Row) -> str:
    """Return in words what the verdict on one metric is; a positive difference is in favour of the loss."""
    metric, unit = row["metric"].upper(), UNITS.get(row["metric"], "")
    low, high, difference = row["low"], row["high"], row["difference"]
    if difference is None or low is None or high is None:
        return f"{metric}: no answer ({row['verdict']}: {row['reason']})"
    digits = telling(difference, low, high)
    size = f"{signed(difference, digits)}{f' {unit}' if unit else ''} {interval(low, high, digits)}"
    of = f"95 % interval over {row['n_images']} pictures"
    known = row["p_value"] is not None
    of += f" and {counted(row['n_seeds'], 'seed')}" if known else " of one run, which tells nothing of others"
    said = {
        "confirmed": f"{asked.loss} is better than {asked.against}",
        "contradicted": f"{asked.loss} is worse than {asked.against}",
    }.get(row["verdict"], f"undecided whether {asked.loss} or {asked.against} is better")
    if row["verdict"] not in ("confirmed", "contradicted"):
        size = f"{asked.loss} {size}"
    found = ""
    if known:
        least = (high - low) / 2 * POWER
        what = f"{plain(least, telling(least))}{f' {unit}' if unit else ''}"
        found = f"; such a trial finds differences from {what} on in four of five cases"
    return f"{metric}: {said}, {size}, {of}{found}"
