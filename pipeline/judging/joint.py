"""Statements on every cell ("all data sets", "simultaneously", "always"): what becomes of them. Needs no torch.

Confirmed where the interval of each cell is above 0. That is an intersection-union test: its error is at most that of
one cell, so that nothing is adjusted. Contradicted where one cell is below 0, which many cells give by chance: there
p-values are adjusted (Holm over the cells).
"""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pandas as pd

from lossbench.statistics.intervals import holm
from lossbench.statistics.verdicts import Verdict
from pipeline.judging.pairs import columns_of
from pipeline.judging.untrained import REFUSED
from pipeline.specs.judge import Claim
from pipeline.specs.tabulate import TabulateSpec

LEVEL = 0.05
"""Of two-sided p-values after Holm over the cells."""
CONTRADICTED = "contradicted"
FIELDS = ("cells", "cells_shown", "cells_clear", "cells_printed", "cells_printed_shown", "worst")
"""What a row says of a statement on every cell; None in other rows."""
OF_WORST = ("difference", "low", "high", "n_images", "n_seeds", "method", "published_difference")
"""What the row of the claim has from its worst cell."""

Record = dict[str, Any]


def cells(claim: Claim, table: TabulateSpec, scores: pd.DataFrame) -> Iterator[Claim]:
    """Give the claim on each cell alone: a pair of losses and a metric in a column and network."""
    for metric, (better, than) in product(claim.measures, claim.couples):
        columns, networks = claim.columns or columns_of(table, scores, metric), claim.networks or table.networks
        for column, network in (place for place in product(columns, networks) if place not in table.blank):
            yield claim.model_copy(
                update={
                    **{"better": better, "than": than, "pairs": (), "metric": metric, "metrics": (), "every": ""},
                    **{"columns": (column,), "networks": (network,)},
                }
            )


def joined(claim: Claim, rows: Sequence[Record], unjudged: str) -> Record:
    """Return the row of a claim on every cell from the judged `rows` of its cells.

    `cells` is their number, `cells_shown` of how many the difference, and `cells_clear` of how many the interval is
    above 0; `cells_printed` is of how many the paper prints numbers beyond doubt, and `cells_printed_shown` of how many
    these show it. `worst` is the cell that lies lowest in halves of its interval's width, whose numbers the row has. A
    cell that is not judged leaves the claim `unjudged`, for that cell's reason, unless the others contradict it.
    """
    printed = [row["published_difference"] for row in rows if row["published_difference"] is not None]
    row = {
        **rows[0],
        **claim.model_dump(exclude={"table"}),
        "columns": list(dict.fromkeys(column for row in rows for column in row["columns"])),
        "networks": list(dict.fromkeys(network for row in rows for network in row["networks"])),
        **dict.fromkeys(("pooled_difference", "shift", "p_value", "image_p_value", "improved")),
        **dict.fromkeys(("probability_over_seeds", "trivial_answer", *OF_WORST)),
        "cells": len(rows),
        "cells_printed": len(printed),
        "cells_printed_shown": sum(one > 0 for one in printed),
        "published_warning": "; ".join(dict.fromkeys(filter(None, (row["published_warning"] for row in rows)))),
    }
    absent = [one for one in rows if one["verdict"] == unjudged]
    there = [one for one in rows if one["verdict"] != unjudged]
    found = every(there) if there else None
    # one cell is enough to contradict it, whatever the others would show
    if found is None or (absent and found.name != CONTRADICTED):
        reason = f"{absent[0]['reason']} ({_named(absent[0], rows)}; {len(absent)} of {len(rows)} cells)"
        # units of several metrics can't be compared
        least = min(printed) if printed and not claim.metrics else None
        return {**row, "published_difference": least, "verdict": unjudged, "reason": reason}
    worst = min(there, key=_standing)
    named = ("metric", "better", "than", "columns", "networks", "difference", "low", "high", "published_difference")
    place = {name: worst[name] for name in named}
    place["column"], place["network"] = place.pop("columns")[0], place.pop("networks")[0]
    notes = [f"{len(absent)} of {len(rows)} cells are not there"] if absent else []
    notes += dict.fromkeys(note for one in there for note in one["notes"])
    return {
        **row,
        **{name: worst[name] for name in OF_WORST},
        "trivial_answer": next((one["trivial_answer"] for one in there if one["verdict"] == REFUSED), None),
        "cells_shown": sum(one["difference"] > 0 for one in there),
        "cells_clear": sum(one["low"] > 0 for one in there),
        "worst": place,
        "verdict": found.name,
        "reason": "; ".join([found.reason, *notes]),
    }


def every(rows: Sequence[Record]) -> Verdict:
    """Return the verdict on a statement on every one of the judged cells `rows`.

    Without the noise of seeds in one of them there is no direction, as of a claim on a mean.
    """
    above = all(row["low"] > 0 for row in rows)
    if (refused := [row for row in rows if row["verdict"] == REFUSED]) and above:
        return Verdict(REFUSED, f"{_named(refused[0], rows)}: {refused[0]['reason']}")
    p_values = [row["p_value"] for row in rows]
    if None in p_values:
        return _of_one_run(above, sum(row["high"] < 0 for row in rows), len(rows))
    if above:
        return Verdict("confirmed", "the interval is above 0 in every cell, which needs no adjustment")
    adjusted = holm([p if row["difference"] < 0 else 1.0 for p, row in zip(p_values, rows, strict=True)])
    if below := sum(p < LEVEL for p in adjusted):
        words = f"{below} of {len(rows)} cells are below 0 (p < {LEVEL:g} after Holm over the cells)"
        return Verdict(CONTRADICTED, words)
    return Verdict("undecided", "not every cell's interval is above 0, and after Holm over the cells none is below")


def _of_one_run(above: bool, below: int, count: int) -> Verdict:
    unknown = "the seed's noise is not known in every cell"
    if not above and not below:
        return Verdict("undecided", f"the interval over pictures holds 0 in some cells, is below it in none; {unknown}")
    where = "above 0 in every cell" if above else f"below 0 in {below} of {count} cells"
    side = "higher" if above else "lower"
    return Verdict(f"{side} in one run", f"the interval over pictures is {where}; {unknown}")


def _standing(row: Record) -> float:
    """Return the difference in halves of its interval's width, which compares cells of unlike metrics."""
    half = (row["high"] - row["low"]) / 2
    return float(row["difference"] / half) if half else math.copysign(math.inf, row["difference"] or 1)


def _named(row: Record, rows: Sequence[Record]) -> str:
    """Return in words which of the cells `rows` it is, by what they differ in."""
    parts = []
    for name in ("columns", "networks", "metric"):
        value = row[name] if isinstance(row[name], str) else row[name][0]
        parts += [value] if any(other[name] != row[name] for other in rows) else []
    if any((other["better"], other["than"]) != (row["better"], row["than"]) for other in rows):
        parts.append(f"{row['better']} over {row['than']}")
    return " ".join(parts) or str(row["metric"])
