"""Scores of losses against a number that they have, such as their curvature, and the histories of their trainings."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossbench.errors import UserError
from pipeline.outputs.rows import read_rows
from pipeline.outputs.scores import averaged, read_scores
from pipeline.specs.figure import FigureSpec
from pipeline.specs.tabulate import Cell

COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377")
HISTORY = ("squared_error", "kl")
"""Columns of a history that are drawn, where it has them."""
PANEL = (3.6, 2.8)
"""Inches."""
NUMBERS = ("panel", "column", "curve", "x", "loss", "value", "sd_over_seeds", "n_seeds")


def drawn(spec: FigureSpec) -> tuple[Figure, pd.DataFrame]:
    """Return the figure and a row a point: histories in the upper row, scores of the test set in the lower one.

    Points are means over seeds, bars their standard deviations. Raises UserError for scores or histories that can't be
    read.
    """
    table, chosen = spec.table, spec.figure
    scores = read_scores(table.cells)
    # one network of one data set a figure
    column, network = table.columns[0], table.networks[0]
    here = scores[(scores["column"] == column) & (scores["network"] == network)]
    by_seed = averaged(here, ["metric", "loss", "seed"]).sort_index()
    names = [metric.name for metric in table.metrics]
    figure = Figure(figsize=(PANEL[0] * len(names), 2 * PANEL[1]), layout="constrained")
    axes = figure.subplots(2, len(names), squeeze=False)
    rows: list[dict[str, object]] = []
    for ax, name in zip(axes[0], HISTORY, strict=False):
        rows += _histories(ax, spec, name, column, network)
    for ax in axes[0][len(HISTORY) :]:
        ax.set_axis_off()
    for ax, name in zip(axes[1], names, strict=True):
        for colour, curve in zip(COLOURS, chosen.curves, strict=False):
            points = []
            for number, loss in chosen.points(curve):
                found = by_seed.get((name, loss))
                if found is None:
                    continue
                place = {"panel": name, "column": column, "curve": curve, "x": number, "loss": loss}
                points.append({**place, **_moments(found)})
            xs, ys = ([point[key] for point in points] for key in ("x", "value"))
            bars = [point["sd_over_seeds"] for point in points]
            ax.errorbar(xs, ys, bars, color=colour, marker="o", markersize=3, capsize=2, label=curve)
            rows += points
        ax.set_xscale("log")
        numbers = sorted({number for curve in chosen.curves for number, _ in chosen.points(curve)})
        ax.set_xticks(numbers, [f"{number:g}" for number in numbers])
        ax.minorticks_off()
        ax.set_xlabel(chosen.abscissa)
        ax.set_title(name.replace("_", " "), fontsize=9)
        ax.legend(fontsize=7)
    return figure, pd.DataFrame(rows, columns=list(NUMBERS))


def _moments(values: pd.Series) -> dict[str, float]:
    spread = float(values.std()) if len(values) > 1 else 0.0
    return {"value": float(values.mean()), "sd_over_seeds": spread, "n_seeds": len(values)}


def _histories(ax: Axes, spec: FigureSpec, name: str, column: str, network: str) -> list[dict[str, object]]:
    """Draw the column `name` of the histories under the first and last loss of each curve."""
    rows: list[dict[str, object]] = []
    for colour, curve in zip(COLOURS, spec.figure.curves, strict=False):
        points = spec.figure.points(curve)
        ends = dict.fromkeys((points[0], points[-1]))
        for style, (number, loss) in zip((":", "-"), ends, strict=False):
            place = (column, network, loss)
            cells = [cell for cell in spec.table.cells if (cell.column, cell.network, cell.loss) == place]
            if not cells:
                continue
            series = pd.concat([_history(cell, name) for cell in cells], axis=1)
            mean = series.mean(axis=1)
            label = f"{curve}, {spec.figure.abscissa}: {number:g}"
            ax.plot(mean.index, mean, style, color=colour, linewidth=1, label=label)
            shared = {"panel": f"{name} in training", "column": column, "curve": f"{curve} {number:g}", "loss": loss}
            rows += [{**shared, "x": step, **_moments(values.dropna())} for step, values in series.iterrows()]
    ax.set_xlabel("step")
    ax.set_yscale("log")
    ax.set_title(f"{name.replace('_', ' ')} in training", fontsize=9)
    ax.legend(fontsize=6)
    return rows


def _history(cell: Cell, name: str) -> pd.Series:
    path = Path(str(cell.card)).with_name("history.csv")
    try:
        return read_rows(path).set_index("step")[name]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} can't be drawn ({error!r}); delete it and rerun") from None
