"""Losses in the plane of two metrics: where each lies, at which strength it stands, and which ones beat it in both.

Needs no torch.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from lossbench.errors import UserError
from lossbench.statistics.comparison import compared
from lossbench.statistics.front import Standing, front
from pipeline.judging.noise import Lender
from pipeline.outputs.scores import Floats, averaged, paired, read_scores, signs
from pipeline.specs.figure import Figure, FigureSpec
from pipeline.specs.tabulate import TabulateSpec

STANDING = ("place", "behind", "not_told_apart")
NAMES = ("column", "network", "curve", "number", "loss", "n_seeds", "cost", "chosen", *STANDING)
"""Columns before those of the metrics: `value`, and of the two metrics `low` and `high` of its difference, each after
the metric's name."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """One loss of a curve, or an answer that costs no training and has no number."""

    curve: str
    number: float
    loss: str


def standings(spec: FigureSpec) -> pd.DataFrame:
    """Return a row a column that is drawn, network and loss of a curve or answer that was scored.

    `<metric>` is the mean over seeds and pictures, `<metric>_low` and `_high` bound its difference to the reference
    loss. `chosen` is the loss that stands for its curve: the one of the best perception on the column of the choice.
    Among those and the answers `place` is where it stands by `lossbench.statistics.front`, `behind` and
    `not_told_apart` name other losses; all three are empty for the rest. `cost` is a step's time over that of the
    reference loss. Raises UserError for scores or cards that can't be read.
    """
    figure, table = spec.figure, spec.table
    scores = read_scores(table.cells)
    lender = Lender(table, scores, read_scores(table.noise_cells))
    rows: list[Row] = []
    for column, other in figure.chosen_on.items():
        for network in table.networks:
            here = scores[(scores["column"] == column) & (scores["network"] == network)]
            if not here.empty:
                rows += _of_network(spec, scores, lender, (column, other, network))
    metrics = [metric.name for metric in table.metrics]
    bounds = [f"{name}_{end}" for name in (figure.distortion, figure.perception) for end in ("low", "high")]
    return pd.DataFrame(rows, columns=[*NAMES, *metrics, *bounds])


def _of_network(spec: FigureSpec, scores: pd.DataFrame, lender: Lender, place: tuple[str, str, str]) -> Iterator[Row]:
    figure, table, (column, other, network) = spec.figure, spec.table, place
    means = _means(scores, column, network)
    points = [point for point in _points(figure, table) if (figure.distortion, point.loss) in means.index]
    chosen = _chosen(figure, table, _means(scores, other, network))
    standing = _front(spec, scores, lender, (column, network), [*chosen, *table.answers])
    costs = _costs(table, column, network)
    for point in points:
        where = standing.get(point.loss)
        yield {
            "column": column,
            "network": network,
            "curve": point.curve,
            "number": point.number,
            "loss": point.loss,
            "n_seeds": _seeds(scores, column, network, point.loss),
            "chosen": point.loss in chosen,
            "place": where.place if where else "",
            "behind": " ".join(where.behind) if where else "",
            "not_told_apart": " ".join(where.not_told_apart) if where else "",
            "cost": costs.get(point.loss, math.nan) / costs.get(table.reference_loss, math.nan),
            **{metric.name: means.get((metric.name, point.loss), math.nan) for metric in table.metrics},
            **_bounds(spec, scores, lender, (column, network), point.loss),
        }


def _points(figure: Figure, table: TabulateSpec) -> Iterator[Point]:
    for curve in figure.curves:
        yield from (Point(curve, number, loss) for number, loss in figure.points(curve))
    for answer in table.answers:
        yield Point(answer, math.nan, answer)


def _means(scores: pd.DataFrame, column: str, network: str) -> "pd.Series[float]":
    """Return the mean of each metric and loss over seeds and pictures."""
    here = scores[(scores["column"] == column) & (scores["network"] == network)]
    return averaged(here, ["metric", "loss"])


def _seeds(scores: pd.DataFrame, column: str, network: str, loss: str) -> int:
    here = (scores["column"] == column) & (scores["network"] == network) & (scores["loss"] == loss)
    return int(scores.loc[here, "seed"].nunique())


def _chosen(figure: Figure, table: TabulateSpec, means: "pd.Series[float]") -> list[str]:
    """Return of each curve the loss of the best perception."""
    better = signs(table)[figure.perception]
    found = []
    for curve in figure.curves:
        losses = [loss for _, loss in figure.points(curve) if (figure.perception, loss) in means.index]
        found += [max(losses, key=lambda loss: better * float(means[figure.perception, loss]))] if losses else []
    return found


def _front(
    spec: FigureSpec, scores: pd.DataFrame, lender: Lender, place: tuple[str, str], losses: list[str]
) -> Mapping[str, Standing]:
    """Return the standings of `losses`, without those that were not scored or have an infinite score."""
    figure, table, (column, network) = spec.figure, spec.table, place
    metrics = (figure.distortion, figure.perception)
    values = {loss: {name: _values(scores, name, loss, column, network) for name in metrics} for loss in losses}
    finite = {
        loss: {name: array for name, array in found.items() if array is not None and np.isfinite(array).all()}
        for loss, found in values.items()
    }
    kept = {loss: found for loss, found in finite.items() if len(found) == len(metrics)}
    if len(kept) < 2:
        return {}
    better: dict[str, Literal["up", "down"]] = {name: "up" if signs(table)[name] > 0 else "down" for name in metrics}
    reference = table.reference_loss
    lent = {name: lender.lent(name, reference, reference, [column], [network]).noise for name in metrics}
    return front(kept, better, {name: noise for name, noise in lent.items() if noise is not None})


def _values(scores: pd.DataFrame, metric: str, loss: str, column: str, network: str) -> Floats | None:
    """Return the values (seeds, images) of the one test set of a column; None where they are not there."""
    found = paired(scores, metric, loss, None, [column], [network])
    return found[0].values if len(found) == 1 else None


def _bounds(
    spec: FigureSpec, scores: pd.DataFrame, lender: Lender, place: tuple[str, str], loss: str
) -> dict[str, float]:
    figure, reference, (column, network) = spec.figure, spec.table.reference_loss, place
    found: dict[str, float] = {}
    for metric in (figure.distortion, figure.perception):
        sets = paired(scores, metric, loss, reference, [column], [network]) if loss != reference else []
        noise = lender.lent(metric, loss, reference, [column], [network]).noise
        comparison = compared(sets, noise=noise) if sets else None
        found[f"{metric}_low"] = comparison.bounds.low if comparison else math.nan
        found[f"{metric}_high"] = comparison.bounds.high if comparison else math.nan
    return found


def _costs(table: TabulateSpec, column: str, network: str) -> dict[str, float]:
    """Return the seconds of a step of each loss, mean over its runs; on a CPU those that the process had of it."""
    found: dict[str, list[float]] = {}
    for cell in table.cells:
        if cell.column == column and cell.network == network and cell.card is not None:
            found.setdefault(cell.loss, []).append(_step_seconds(Path(cell.card)))
    return {loss: float(np.mean(each)) for loss, each in found.items()}


def _step_seconds(path: Path) -> float:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return float(card.get("cpu_seconds") or card["seconds"]) / int(card["spec"]["recipe"]["steps"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise UserError(f"{path} can't be read ({error!r}); delete it and rerun") from None
