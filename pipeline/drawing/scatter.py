"""Each picture's score under one loss against that under another, with the number of pictures on which it wins."""

from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.outputs.scores import read_scores, signs
from pipeline.specs.figure import FigureSpec

MARKS = (("#4477aa", "o"), ("#228833", "s"), ("#aa3377", "^"), ("#ccbb44", "D"))
LOST = "#cc0000"
"""Of the edge of a point that lies on the wrong side of the line of equal scores."""
PANEL = 3.6
"""Inches."""
NUMBERS = ("column", "test_set", "image", "metric", "loss", "against", "value", "value_against", "won")


def drawn(spec: FigureSpec) -> tuple[Figure, pd.DataFrame]:
    """Return the figure, a panel a loss on the abscissa, and a row a point.

    A picture's score is its mean over networks and seeds. Raises UserError for scores that can't be read.
    """
    chosen, table = spec.figure, spec.table
    scores = read_scores(table.cells)
    here = scores[scores["metric"] == chosen.metric]
    means = here.groupby(["column", "test_set", "image", "loss"], sort=False)["value"].mean()
    wide = means.unstack("loss")
    panels = [(column, other) for column, other in product(table.columns, chosen.against) if other in wide]
    figure = Figure(figsize=(PANEL * max(len(panels), 1), PANEL + 0.6), layout="constrained")
    axes = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    better = signs(table)[chosen.metric]
    frames = []
    for ax, (column, other) in zip(axes, panels, strict=True):
        own = wide.loc[wide.index.get_level_values("column") == column]
        for (colour, mark), loss in zip(MARKS, chosen.losses, strict=False):
            if loss in own and loss != other:
                points = own[[loss, other]].dropna()
                won = better * (points[loss] - points[other]) > 0
                label = f"{loss}: better on {int(won.sum())} of {len(points)}"
                edges = [colour if each else LOST for each in won]
                style = {"s": 18, "marker": mark, "facecolors": colour, "edgecolors": edges, "linewidths": 0.9}
                ax.scatter(points[other], points[loss], label=label, **style)
                words: dict[str, Any] = {"metric": chosen.metric, "loss": loss, "against": other, "won": won.to_numpy()}
                values: dict[str, Any] = {"value": points[loss].to_numpy(), "value_against": points[other].to_numpy()}
                frames.append(points.index.to_frame(index=False).assign(**words, **values))
        _finish(ax, chosen.metric, other, column if len(table.columns) > 1 else "")
    numbers = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(NUMBERS))
    return figure, numbers[list(NUMBERS)]


def _finish(ax: Axes, metric: str, other: str, column: str) -> None:
    ends = [*ax.get_xlim(), *ax.get_ylim()]
    ax.plot([min(ends), max(ends)], [min(ends), max(ends)], color="green", linewidth=1)
    ax.set_xlabel(f"{metric.upper()} under {other}")
    ax.set_ylabel(f"{metric.upper()} under the losses of the marks")
    ax.set_title(column, fontsize=9)
    ax.legend(fontsize=7)
