"""What one table answers of each of its losses, in one number of distortion and one of perception."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pandas as pd

from lossbench.statistics.comparison import compared
from lossbench.statistics.intervals import holm
from pipeline.judging.noise import Lender
from pipeline.outputs.scores import paired, signs
from pipeline.specs.tabulate import MetricColumn, TabulateSpec

Axis = Literal["distortion", "perception"]
METRICS: dict[Axis, tuple[str, ...]] = {
    "distortion": ("psnr", "ssim", "squared_error"),
    "perception": ("lpips", "niqe", "fid"),
}
"""Of each axis the metrics that may stand for it; the first that a table has is taken."""
LEVEL = 0.05
"""Of p-values after Holm over the losses of an axis."""
POWER = 1 + 0.8416 / 1.96
"""Half an interval at 95 % times this is the difference that it would show in 80 % of such runs (normal errors)."""

Row = dict[str, Any]


def axis_metric(table: TabulateSpec, axis: Axis) -> MetricColumn | None:
    """Return the metric that stands for `axis` in `table`, by its own name or that of the published one beside it."""
    for name in METRICS[axis]:
        for metric in table.metrics:
            if name in (metric.name, metric.published):
                return metric
    return None


def summary(table: TabulateSpec, scores: pd.DataFrame, lender: Lender) -> list[Row]:
    """Return a row a loss and axis: its difference to the reference, mean over all networks and columns.

    `difference`, `low`, `high` and `detectable` are in the metric's unit, `direction` is `better` or `worse` where p
    after Holm is below `LEVEL`, else empty, and empty where one run is all there is. `as_well` names controls and
    answers without training that the loss does not beat by an interval, where its direction is `better`.
    """
    rows: list[Row] = []
    for axis in METRICS:
        metric = axis_metric(table, axis)
        if metric is not None:
            rows += _axis(table, scores, lender, axis, metric)
    return rows


def _axis(table: TabulateSpec, scores: pd.DataFrame, lender: Lender, axis: Axis, metric: MetricColumn) -> Iterator[Row]:
    sign = signs(table)[metric.name]
    scored = set(scores.loc[scores["metric"] == metric.name, "column"])
    columns = [column for column in table.columns if column in scored]
    rows: list[Row] = []
    for loss in table.losses:
        row = _difference(scores, lender, metric, loss, table.reference_loss, columns, table.networks)
        if loss != table.reference_loss and row is not None:
            rows.append({"loss": loss, "axis": axis, "metric": metric.name, "better": metric.better, **row})
    compares = [row for row in rows if row["loss"] != table.again and row["p_value"] is not None]
    for row, p_holm in zip(compares, holm([row["p_value"] for row in compares]), strict=True):
        row["p_holm"] = p_holm
    whole = {cell.loss for cell in table.cells if not cell.only}
    idle = [*table.controls, *(name for name in table.answers if name in whole)]
    for row in rows:
        adjusted = row.setdefault("p_holm", row["p_value"])
        found = adjusted is not None and adjusted < LEVEL
        row["direction"] = ("better" if sign * row["difference"] > 0 else "worse") if found else ""
        row["as_well"] = []
        for other in idle if row["direction"] == "better" and row["loss"] not in idle else ():
            beaten = _difference(scores, lender, metric, row["loss"], other, columns, table.networks)
            if beaten is not None and sign * (beaten["low"] if sign > 0 else beaten["high"]) <= 0:
                row["as_well"].append(other)
    yield from rows


def _difference(
    scores: pd.DataFrame,
    lender: Lender,
    metric: MetricColumn,
    loss: str,
    other: str,
    columns: Sequence[str],
    networks: Sequence[str],
) -> Row | None:
    place = (columns, networks, lender.table.blank)
    found = paired(scores, metric.name, loss, other, *place) if loss != other else []
    comparison = compared(found, noise=lender.lent(metric.name, loss, other, columns, networks).noise)
    if comparison is None:
        return None
    bounds = comparison.bounds
    return {
        "difference": bounds.estimate,
        "low": bounds.low,
        "high": bounds.high,
        "detectable": (bounds.high - bounds.low) / 2 * POWER if bounds.covers_seeds else None,
        "p_value": bounds.p_value if bounds.covers_seeds else None,
        "n_images": bounds.n_images,
        "n_seeds": bounds.n_seeds,
    }
