"""What auto-encoders make, side by side: samples, reconstructions beside their originals, and interpolations."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lossbench.images import read_image
from pipeline.outputs.scores import averaged, read_scores
from pipeline.specs.figure import FigureSpec
from pipeline.specs.tabulate import Cell

KINDS = ("samples", "reconstructions", "interpolations")
"""Sheets of each run, a row of panels each."""
ORIGINALS = "originals"
ROWS, COLUMNS = 4, 8
"""Pictures of a sheet."""
MARKED = ((0, 1, "#ee3333"), (1, 5, "#33bb33"), (2, 2, "#3377ff"))
"""Row, column and colour of pictures that are marked in originals and reconstructions alike."""
PANEL = (3.2, 1.75)
"""Inches."""


def drawn(spec: FigureSpec) -> tuple[Figure, pd.DataFrame]:
    """Return the figure, a column of panels a loss, and the scores of what is shown, a row a loss and metric.

    Runs are those of the first seed. Raises UserError for scores or a picture that can't be read.
    """
    table = spec.table
    first = min(cell.seed for cell in table.cells if cell.card)
    runs = {(cell.column, cell.network, cell.loss): cell for cell in table.cells if cell.card and cell.seed == first}
    places = [place for place in product(table.columns, table.networks) if any(place == run[:2] for run in runs)]
    shown = [(place, kind) for place in places for kind in KINDS]
    size = (PANEL[0] * (1 + len(table.losses)), PANEL[1] * max(len(shown), 1))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(max(len(shown), 1), 1 + len(table.losses), squeeze=False)
    for row, (place, kind) in zip(axes, shown, strict=True):
        cells = [runs.get((*place, loss)) for loss in table.losses]
        known = next(cell for cell in cells if cell is not None)
        panels = [(ORIGINALS, known) if kind == KINDS[1] else None]
        panels += [None if cell is None else (kind, cell) for cell in cells]
        for ax, panel, label in zip(row, panels, ("original", *table.losses), strict=True):
            ax.set_axis_off()
            if panel is not None:
                sheet = read_image(_folder(panel[1]) / f"{panel[0]}.png")
                ax.imshow(sheet, interpolation="nearest")
                ax.set_title(f"{panel[0]}, {place[0]}" if label == "original" else f"{label}: {kind}", fontsize=7)
                if kind == KINDS[1]:
                    _mark(ax, sheet)
    scores = read_scores(table.cells)
    mine = scores[scores["seed"] == first]
    return figure, averaged(mine, ["column", "network", "loss", "metric"]).rename("value").reset_index()


def _mark(ax: Axes, sheet: np.ndarray) -> None:
    # a sheet of fewer pictures has fewer rows
    side = sheet.shape[1] / COLUMNS
    for row, column, colour in MARKED:
        if (row + 1) * side <= sheet.shape[0]:
            box = Rectangle((column * side - 0.5, row * side - 0.5), side, side, fill=False, edgecolor=colour)
            ax.add_patch(box)


def _folder(cell: Cell) -> Path:
    scores = Path(cell.scores)
    return scores.with_name(f"{scores.stem}_pictures")
