"""Stage judge: what the papers claim about one table, and whether it holds in our runs. Needs no torch."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from lossbench.errors import UserError
from lossbench.files import write_text
from lossbench.statistics.comparison import Comparison, compared, left_out
from lossbench.statistics.false_directions import NOMINAL, beyond_nominal
from lossbench.statistics.intervals import equivalent, holm
from lossbench.statistics.rank_agreement import shape
from lossbench.statistics.sizes import place
from lossbench.statistics.verdicts import FLOORS, Verdict, slight_verdict, value_verdict, verdict
from pipeline.command import run
from pipeline.judging import joint, share
from pipeline.judging.noise import Lender, Lent
from pipeline.judging.pairs import columns_of, lent_to, paired_mean
from pipeline.judging.printed_size import PrintedSize, printed_size
from pipeline.judging.summary import summary
from pipeline.judging.untrained import REFUSED, as_good
from pipeline.judging.within import in_every_run, margin, of_every_run, on_mean
from pipeline.outputs.finite import finite
from pipeline.outputs.scores import KEY, Paired, averaged, paired, read_scores, signs
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.tabulate import TabulateSpec

NOT_ATTEMPTED = "not attempted"
WITHHELD = "withheld"
NOT_JUDGED = "not judged"
"""Of a claim that can't be tested."""

Record = dict[str, Any]
Published = dict[tuple[str, str, str, str], float]


def main(spec: JudgeSpec, code: str, *, harness: Path, output: Path) -> None:
    """Write the verdicts on the claims, the order and the values of one table to `output` (JSON).

    `harness` is what the stage harness wrote: without its golden values met no verdict is given. Raises UserError
    naming a file of scores or a harness report that can't be read.
    """
    checked = _harness(harness)
    scores = read_scores(spec.table.cells)
    lender = Lender(spec.table, scores, read_scores(spec.table.noise_cells))
    claims = judged(spec, scores, lender)
    again = list(self_comparisons(spec.table, scores, lender))
    if reason := _why_withheld(checked, again):
        withheld = {"verdict": WITHHELD, "reason": reason}
        claims = [row if row["verdict"] == NOT_JUDGED else {**row, **withheld} for row in claims]
    content = {
        "spec": spec.table.model_dump(mode="json"),
        "harness": checked,
        "claims": claims,
        "shape": shapes(spec.table, scores),
        "values": values(spec, scores),
        "again": again,
        "summary": summary(spec.table, scores, lender),
        "missing": [cell.model_dump() for cell in spec.missing],
        "code": code,
    }
    write_text(output, json.dumps(finite(content), indent=1, allow_nan=False) + "\n")
    for row in claims:
        print(f"{row['verdict']:>22}  {row['text']}", flush=True)


def _why_withheld(checked: Record, again: Sequence[Record]) -> str:
    """Return why no verdict may be given; empty where nothing is wrong."""
    if not checked["passed"]:
        return "metrics do not meet their golden values: " + "; ".join(checked["failures"])
    directions = sum(row["direction"] for row in again)
    if beyond_nominal(directions, len(again)):
        return f"the reference loss against itself gets a direction in {directions} of {len(again)} cells"
    return ""


def self_comparisons(table: TabulateSpec, scores: pd.DataFrame, lender: Lender) -> Iterator[Record]:
    """Give the A/A test of every network and column: whether any metric (Holm over them) has a direction."""
    for column, network in product(table.columns, table.networks) if table.again else ():
        found = []
        for metric in table.metrics:
            place = (metric.name, str(table.again), table.reference_loss, [column], [network])
            comparison = compared(paired(scores, *place), noise=lender.lent(*place).noise)
            if comparison is not None and comparison.bounds.covers_seeds:
                found.append(comparison.bounds.p_value)
        if found:
            p_value = min(holm(found))
            yield {"column": column, "network": network, "p_value": p_value, "direction": p_value < NOMINAL}


def judged(spec: JudgeSpec, scores: pd.DataFrame, lender: Lender | None = None) -> list[Record]:
    """Return one row a claim: difference (> 0 favours the claim), interval, tests, published size and verdict.

    A claim's sets are test sets; networks, columns and pairs of losses on the same images are averaged first. The row
    of a claim on every cell has the numbers of its worst one. Without `lender` no further runs of the reference loss
    tell of noise.
    """
    lender = lender or Lender(spec.table, scores, pd.DataFrame())
    rows = [_judged(claim, spec, scores, lender) for claim in spec.claims]
    for row in rows:
        if row["verdict"] in (NOT_ATTEMPTED, NOT_JUDGED):
            continue
        # what keeps a verdict from being the last word on the claim
        if not spec.full_scale:
            row["reason"] += f"; at the reduced scale {spec.table.scale}"
    adjusted = holm([row["p_value"] if row["p_value"] is not None else math.nan for row in rows])
    return [{**row, "p_holm": p_value} for row, p_value in zip(rows, adjusted, strict=True)]


def _judged(claim: Claim, spec: JudgeSpec, scores: pd.DataFrame, lender: Lender) -> Record:
    blank = dict.fromkeys(joint.FIELDS)
    if claim.kind == "untestable":
        blank |= dict.fromkeys(("published_difference", *_MEASURED))
        return {**claim.model_dump(exclude={"table"}), **blank, "published_warning": "", "verdict": NOT_JUDGED}
    each = joint.cells(claim, spec.table, scores) if claim.every else [claim]
    rows = [_on_mean(one, spec, scores, lender) for one in each]
    row = joint.joined(claim, rows, NOT_ATTEMPTED) if claim.every else rows[0]
    return {**blank, **{name: value for name, value in row.items() if name != "notes"}}


def _on_mean(claim: Claim, spec: JudgeSpec, scores: pd.DataFrame, lender: Lender) -> Record:
    """Return the row of a claim on the mean of its cells; `notes` are the words that are not on the verdict."""
    table = spec.table
    columns = claim.columns or columns_of(table, scores, claim.metric)
    networks = claim.networks or table.networks
    # papers print no difference of differences
    printed = claim.kind != "again" and not claim.against
    size = printed_size(claim, spec, columns, networks) if printed else PrintedSize()
    published = size.published.difference if size.published else None
    row = {
        **claim.model_dump(exclude={"table"}),
        "columns": list(columns),
        "networks": list(networks),
        "published_difference": published,
        "published_warning": size.warnings,
    }

    def oriented(metric: str) -> list[Paired]:
        found = paired_mean(scores, metric, claim, columns, networks, table.blank)
        return [one._replace(values=signs(table).get(metric, 1) * one.values) for one in found]

    found = oriented(claim.metric)
    if claim.won:
        measured = share.judged(claim, found, spec.full_scale)
        missing = {"verdict": NOT_ATTEMPTED, "reason": _why_not(claim, table, scores)}
        return {**row, **dict.fromkeys(_MEASURED), **(measured or missing), "notes": []}
    if of_every_run(claim):
        counted = in_every_run(claim, found)
        missing = {"verdict": NOT_ATTEMPTED, "reason": _why_not(claim, table, scores)}
        return {**row, **dict.fromkeys(_MEASURED), **(counted or missing), "notes": []}
    if claim.against:
        # an interaction: how much larger the difference is than that of the other metric on the same pictures
        others = oriented(claim.against)
        found = [_less(*pair) for pair in zip(found, others, strict=True)] if others else []
    lent = lent_to(lender, claim, columns, networks)
    comparison = compared(found, noise=lent.noise)
    if comparison is None:
        reason = left_out(found) or _why_not(claim, table, scores)
        return {**row, **dict.fromkeys(_MEASURED), "verdict": NOT_ATTEMPTED, "reason": reason, "notes": []}
    bounds, tests = comparison.bounds, comparison.tests
    result = _verdict(claim, comparison, size, spec, lent)
    untrained = as_good(claim, table, scores, (columns, networks), bounds.estimate)
    if untrained is not None and bounds.low > 0:
        gained = f"{untrained.name} gains {untrained.difference:.4g} without a training"
        result = Verdict(REFUSED, f"{result.reason}; no gain in perception, since {gained}")
    notes = [note for note in (comparison.note, lent.note) if note]
    return {
        **row,
        "difference": bounds.estimate,
        "low": bounds.low,
        "high": bounds.high,
        "pooled_difference": bounds.pooled,
        "shift": tests.shift,
        # a test of no difference says nothing of a bound, and of one run nothing of seeds
        "p_value": bounds.p_value if bounds.covers_seeds and not (claim.slight or claim.within) else None,
        "image_p_value": tests.wilcoxon_p if tests.mcnemar_p is None else tests.mcnemar_p,
        "improved": tests.improved,
        "probability_over_seeds": tests.probability_over_seeds,
        "n_images": bounds.n_images,
        "n_seeds": bounds.n_seeds,
        "method": bounds.method,
        "trivial_answer": untrained._asdict() if untrained is not None else None,
        "verdict": result.name,
        "reason": "; ".join(filter(None, (result.reason, size.note, *notes))),
        "notes": notes,
    }


def _verdict(claim: Claim, comparison: Comparison, size: PrintedSize, spec: JudgeSpec, lent: Lent) -> Verdict:
    bounds, published, layouts = comparison.bounds, size.published, comparison.layouts
    difference = published.difference if published else None
    if claim.within:
        tost_p = equivalent(comparison.finite, margin(claim), noise=lent.noise, layouts=layouts)
        return on_mean(claim, bounds, tost_p)
    if claim.slight:
        if spec.full_scale:
            return slight_verdict(bounds, difference)
        return Verdict(NOT_ATTEMPTED, "what is slight is a size, and sizes are not judged at a reduced scale")
    if published is None or not published.difference > 0 or not spec.full_scale:
        return verdict(bounds, difference, None, sizes=spec.full_scale or claim.kind == "again")
    tost_p = equivalent(comparison.finite, published.difference / 2, noise=lent.noise, layouts=layouts)
    return verdict(bounds, difference, tost_p, place=place(comparison.finite, published, lent.noise, layouts=layouts))


def _less(ours: Paired, theirs: Paired) -> Paired:
    # infinities of two metrics can't be weighed against each other
    with np.errstate(invalid="ignore"):
        return ours._replace(values=ours.values - theirs.values)


_MEASURED = (
    *("difference", "low", "high", "pooled_difference", "shift", "p_value", "image_p_value", "improved"),
    *("probability_over_seeds", "n_images", "n_seeds", "method", "trivial_answer"),
)


def _why_not(claim: Claim, table: TabulateSpec, scores: pd.DataFrame) -> str:
    """Say why there is nothing to judge: the table lacks what the claim speaks of, or scores are missing."""
    metrics, losses = [metric.name for metric in table.metrics], list(dict.fromkeys(chain(*claim.couples)))
    for kind, named, known in (
        ("loss", losses, table.losses),
        ("metric", tuple(name for name in (claim.metric, claim.against) if name), metrics),
        ("column", claim.columns, table.columns),
        ("network", claim.networks, table.networks),
    ):
        if absent := [name for name in named if name not in known]:
            return f"the table has no {kind} {' and '.join(absent)} at this scale"
    absent = [loss for loss in losses if loss not in set(scores["loss"])]
    return f"no scores of {' and '.join(absent)}" if absent else "some of its cells are missing or have no common seed"


def shapes(table: TabulateSpec, scores: pd.DataFrame) -> list[Record]:
    """Return how far each column of the table keeps the published order of its losses (level L3)."""
    rows: list[Record] = []
    published, means = _published(table), _means(scores)
    for column, network, metric in product(table.columns, table.networks, table.metrics):
        keys = [(column, network, loss, metric.name) for loss in table.losses]
        keys = [key for key in keys if key in published and key in means]
        better: Literal["up", "down"] = "up" if metric.better == "up" else "down"
        found = shape([means[key] for key in keys], [published[key] for key in keys], better)
        if found is not None:
            measured = asdict(found)
            number = measured.pop("n")
            rows.append({"column": column, "network": network, "metric": metric.name, **measured, "losses": number})
    return rows


def values(spec: JudgeSpec, scores: pd.DataFrame) -> list[Record]:
    """Return whether each published number is what our seeds predict (level L1)."""
    rows: list[Record] = []
    by_seed, means = averaged(scores, [*KEY, "seed"]).sort_index(), _means(scores)
    for cell in spec.table.published:
        key = (cell.column, cell.network, cell.loss, cell.metric)
        if key not in means:
            continue
        floor = FLOORS.get(cell.metric, 0.0)
        found = value_verdict(list(by_seed[key]), cell.value, floor, spec.published_runs, spec.full_scale)
        ends = {"low": found.low, "high": found.high, "cv": found.cv, "verdict": found.name}
        numbers = {"value": means[key], "published": cell.value, "published_warning": cell.warning}
        rows.append({**dict(zip(KEY, key, strict=True)), **numbers, **ends})
    return rows


def _means(scores: pd.DataFrame) -> Published:
    means = averaged(scores, [*KEY, "seed"]).groupby(level=KEY).mean()
    return dict(zip(means.index, means.astype(float), strict=True))


def _published(table: TabulateSpec) -> Published:
    return {(value.column, value.network, value.loss, value.metric): value.value for value in table.published}


def _harness(path: Path) -> Record:
    try:
        content: Record = json.loads(path.read_text(encoding="utf-8"))
        return {name: content[name] for name in ("passed", "rows", "failures", "skipped")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} can't be read ({error!r}); delete it and rerun") from None


if __name__ == "__main__":
    run(main)
