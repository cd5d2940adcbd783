"""The plane of distortion and perception: a curve a loss over its strengths, and which losses none beats in both."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.judging.standings import standings
from pipeline.outputs.scores import signs
from pipeline.specs.figure import FigureSpec

COLOURS = {"on the front": "#228833", "undecided": "#4477aa", "behind": "#bbbbbb"}
"""Of a mark and its name, by where a loss stands."""
PANEL = (6.4, 5.2)
"""Inches."""
FAR = 8.0
"""Marks this many times further out than the middle half of a panel spans are outside it; the CSV has them."""


def drawn(spec: FigureSpec) -> tuple[Figure, pd.DataFrame]:
    """Return the figure, a panel a column and network, and the rows of `standings`.

    Small marks along a curve are its strengths, the large one that which stands for it; crosses cost no training. Bars
    bound the difference to the reference loss. Raises UserError for scores or cards that can't be read.
    """
    numbers = standings(spec)
    panels = list(numbers.groupby(["column", "network"], sort=False))
    figure = Figure(figsize=(PANEL[0] * max(len(panels), 1), PANEL[1]), layout="constrained")
    axes = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for ax, (place, rows) in zip(axes, panels, strict=False):
        _panel(ax, spec, rows)
        ax.set_title(" ".join(map(str, place)), fontsize=9)
    return figure, numbers


def _panel(ax: Axes, spec: FigureSpec, rows: pd.DataFrame) -> None:
    x, y = spec.figure.distortion, spec.figure.perception
    shown = rows[rows[x].map(math.isfinite) & rows[y].map(math.isfinite)]
    reference = shown[shown["loss"] == spec.table.reference_loss]
    for _, curve in shown.groupby("curve", sort=False):
        ax.plot(curve[x], curve[y], color="#dddddd", linewidth=0.8, marker=".", markersize=3, zorder=1)
    marked = shown[shown["chosen"] | shown["number"].isna()]
    for row in marked.to_dict("records"):
        colour = COLOURS.get(row["place"], COLOURS["behind"])
        style: dict[str, Any] = {"color": colour, "elinewidth": 0.6, "markersize": 5, "zorder": 2}
        style |= {"xerr": _bar(row, reference, x), "yerr": _bar(row, reference, y)}
        ax.errorbar(row[x], row[y], marker="x" if math.isnan(row["number"]) else "o", **style)
        ax.annotate(str(row["curve"]), (row[x], row[y]), (3, 3), textcoords="offset points", fontsize=6, color=colour)
    for place, colour in COLOURS.items():
        ax.plot([], [], "o", color=colour, markersize=4, label=place)
    for metric, limits, set_limits in ((x, ax.get_xlim, ax.set_xlim), (y, ax.get_ylim, ax.set_ylim)):
        set_limits(_limits(marked[metric], limits()))
    better = {name: "more" if sign > 0 else "less" for name, sign in signs(spec.table).items()}
    ax.set_xlabel(f"{x.upper()} ({better[x]} is better)")
    ax.set_ylabel(f"{y.upper()} ({better[y]} is better)")
    ax.legend(fontsize=7)


def _bar(row: dict[Any, Any], reference: pd.DataFrame, metric: str) -> list[list[float]] | None:
    """Return how far the interval of the difference reaches below and above the mean; None without one."""
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    if reference.empty or math.isnan(low):
        return None
    difference = row[metric] - float(reference[metric].iloc[0])
    # the middle of the draws need not be the mean
    return [[max(difference - low, 0.0)], [max(high - difference, 0.0)]]


def _limits(values: "pd.Series[float]", whole: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an axis: `whole`, or less where a few marks lie so far out that the others run together."""
    low, middle, high = (float(values.quantile(share)) for share in (0.25, 0.5, 0.75))
    reach = FAR * max(high - low, 1e-9)
    return max(whole[0], middle - reach), min(whole[1], middle + reach)
