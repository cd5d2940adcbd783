"""Stage judge: what the papers claim about one table, and whether it holds in our runs. Needs no torch."""

import json
import math
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from lossbench.errors import UserError
from lossbench.files import write_text
from lossbench.statistics.intervals import equivalent, holm, shape
from lossbench.statistics.verdicts import FLOORS, Verdict, slight_verdict, value_verdict, verdict
from pipeline.command import run
from pipeline.outputs.comparison import compared, left_out
from pipeline.outputs.finite import finite
from pipeline.outputs.scores import KEY, Paired, averaged, paired, read_scores, signs
from pipeline.outputs.untrained import REFUSED, as_good
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
    claims = judged(spec, scores)
    if not checked["passed"]:
        reason = "metrics do not meet their golden values: " + "; ".join(checked["failures"])
        withheld = {"verdict": WITHHELD, "reason": reason}
        claims = [row if row["verdict"] == NOT_JUDGED else {**row, **withheld} for row in claims]
    content = {
        "spec": spec.table.model_dump(mode="json"),
        "harness": checked,
        "claims": claims,
        "shape": shapes(spec.table, scores),
        "values": values(spec, scores),
        "missing": [cell.model_dump() for cell in spec.missing],
        "code": code,
    }
    write_text(output, json.dumps(finite(content), indent=1, allow_nan=False) + "\n")
    for row in claims:
        print(f"{row['verdict']:>22}  {row['text']}", flush=True)


def judged(spec: JudgeSpec, scores: pd.DataFrame) -> list[Record]:
    """Return one row a claim: difference (> 0 favours the claim), interval, tests, published size and verdict.

    A claim's sets are test sets; networks and columns scored on the same images are averaged first.
    """
    rows = [_judged(claim, spec.table, scores) for claim in spec.claims]
    for row in rows:
        if row["verdict"] in (NOT_ATTEMPTED, NOT_JUDGED):
            continue
        # what keeps a verdict from being the last word on the claim
        if not spec.full_scale:
            row["reason"] += f"; at the reduced scale {spec.table.scale}"
        if row["n_seeds"] == 1:
            row["reason"] += "; one seed, so that seed noise is not covered"
    adjusted = holm([row["p_value"] if row["p_value"] is not None else math.nan for row in rows])
    return [{**row, "p_holm": p_value} for row, p_value in zip(rows, adjusted, strict=True)]


def _judged(claim: Claim, table: TabulateSpec, scores: pd.DataFrame) -> Record:
    if claim.kind == "untestable":
        blank = dict.fromkeys(("published_difference", *_MEASURED))
        return {**claim.model_dump(exclude={"table"}), **blank, "published_warning": "", "verdict": NOT_JUDGED}
    # where the metric has no scores all columns count, so that a reason can be given
    scored = set(scores.loc[scores["metric"] == claim.metric, "column"]) or set(table.columns)
    known = tuple(column for column in table.columns if column in scored and column not in table.server_only)
    columns, networks = claim.columns or known, claim.networks or table.networks
    # papers print no difference of differences
    size = _Size() if claim.against else _published_difference(claim, table, columns, networks)
    published = size.difference
    row = {
        **claim.model_dump(exclude={"table"}),
        "columns": list(columns),
        "networks": list(networks),
        "published_difference": published,
        "published_warning": size.warnings,
    }

    def oriented(metric: str) -> list[Paired]:
        found = paired(scores, metric, claim.better, claim.than, columns, networks)
        return [one._replace(values=signs(table).get(metric, 1) * one.values) for one in found]

    found = oriented(claim.metric)
    if claim.against:
        # an interaction: how much larger the difference is than that of the other metric on the same pictures
        others = oriented(claim.against)
        found = [_less(*pair) for pair in zip(found, others, strict=True)] if others else []
    comparison = compared(found)
    if comparison is None:
        reason = left_out(found) or _why_not(claim, table, scores)
        return {**row, **dict.fromkeys(_MEASURED), "verdict": NOT_ATTEMPTED, "reason": reason}
    bounds, tests = comparison.bounds, comparison.tests
    margin_p = None
    if published is not None and published > 0:
        margin_p = equivalent(comparison.finite, published / 2, layouts=comparison.layouts)
    result = slight_verdict(bounds, published) if claim.slight else verdict(bounds, published, margin_p)
    untrained = as_good(claim, table, scores, (columns, networks), bounds.estimate)
    if untrained is not None and bounds.low > 0:
        gained = f"{untrained.name} gains {untrained.difference:.4g} without a training"
        result = Verdict(REFUSED, f"{result.reason}; no gain in perception, since {gained}")
    p_value = tests.wilcoxon_p if tests.mcnemar_p is None else tests.mcnemar_p
    return {
        **row,
        "difference": bounds.estimate,
        "low": bounds.low,
        "high": bounds.high,
        "pooled_difference": bounds.pooled,
        "shift": tests.shift,
        # a test of no difference says nothing of a bound
        "p_value": None if claim.slight else p_value,
        "improved": tests.improved,
        "probability_over_seeds": tests.probability_over_seeds,
        "n_images": bounds.n_images,
        "n_seeds": bounds.n_seeds,
        "method": bounds.method,
        "trivial_answer": untrained._asdict() if untrained is not None else None,
        "verdict": result.name,
        "reason": "; ".join(filter(None, (result.reason, size.note, comparison.note))),
    }


def _less(ours: Paired, theirs: Paired) -> Paired:
    # infinities of two metrics can't be weighed against each other
    with np.errstate(invalid="ignore"):
        return ours._replace(values=ours.values - theirs.values)


_MEASURED = (
    *("difference", "low", "high", "pooled_difference", "shift", "p_value", "improved"),
    *("probability_over_seeds", "n_images", "n_seeds", "method", "trivial_answer"),
)


def _why_not(claim: Claim, table: TabulateSpec, scores: pd.DataFrame) -> str:
    """Say why there is nothing to judge: the table lacks what the claim speaks of, or scores are missing."""
    metrics = [metric.name for metric in table.metrics]
    for kind, named, known in (
        ("loss", (claim.better, claim.than), table.losses),
        ("metric", tuple(name for name in (claim.metric, claim.against) if name), metrics),
        ("column", claim.columns, table.columns),
        ("network", claim.networks, table.networks),
    ):
        if absent := [name for name in named if name not in known]:
            return f"the table has no {kind} {' and '.join(absent)} at this scale"
    absent = [loss for loss in (claim.better, claim.than) if loss not in set(scores["loss"])]
    return f"no scores of {' and '.join(absent)}" if absent else "some of its cells are missing or have no common seed"


@dataclass(frozen=True)
class _Size:
    """What the paper prints of a claim."""

    difference: float | None = None
    """The mean over cells, oriented; None where the paper prints none that is beyond doubt."""
    warnings: str = ""
    """On the numbers behind it, those that are left out among them."""
    note: str = ""
    """How many cells are left out; empty where none is."""


def _published_difference(
    claim: Claim, table: TabulateSpec, columns: tuple[str, ...], networks: tuple[str, ...]
) -> _Size:
    """Return the mean over the cells of which the paper prints both numbers, neither with a warning."""
    sign = signs(table).get(claim.metric, 1)
    printed = {(value.column, value.network, value.loss, value.metric): value for value in table.published}
    sizes, warnings, left = list[float](), list[str](), 0
    for column, network in product(columns, networks):
        pair = [printed.get((column, network, loss, claim.metric)) for loss in (claim.better, claim.than)]
        known = [value for value in pair if value is not None]
        doubtful = [value for value in known if value.warning]
        warnings += [f"{value.network} {value.loss} {value.column}: {value.warning}" for value in doubtful]
        if len(known) == 2 and doubtful:
            left += 1
        elif len(known) == 2:
            ours, theirs = known
            sizes.append(sign * (ours.value - theirs.value))
    note = f"{left} of {left + len(sizes)} printed differences carry a warning and are no part of the published size"
    return _Size(sum(sizes) / len(sizes) if sizes else None, "; ".join(warnings), note if left else "")


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
