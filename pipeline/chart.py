"""Stage chart: a figure of a paper as bars, out of its finished table. Needs no torch."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossbench.errors import UserError
from lossbench.files import written_atomically
from pipeline.command import run
from pipeline.outputs.rows import read_rows
from pipeline.specs.chart import ChartSpec
from pipeline.specs.tabulate import TRIVIAL

ROBUST = "robust_"
COLOURS = {"standard": "#4477aa", "robust": "#ee6677"}
WIDTH, PANEL = 0.38, (5.4, 3.4)
"""Of a bar, in places of the axis; of a panel, in inches."""


def main(spec: ChartSpec, code: str, table: Path, output: Path) -> None:
    """Write the panels side by side to `output` (PNG); `table` is the long CSV of the stage tabulate.

    Bars are means over seeds and pictures, with the standard deviation over seeds where there are several. Raises
    UserError naming the table when it can't be read or lacks a bar.
    """
    try:
        rows = read_rows(table)
        rows = rows[rows["network"] == spec.network]
        values = {
            (column, metric): rows[(rows["column"] == column) & (rows["metric"] == metric)]
            .set_index("loss")
            .loc[[spec.line, *spec.losses]]
            for column, metric in spec.panels
        }
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{table} can't be drawn ({error!r}); delete it and rerun") from None
    with mpl.rc_context({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}):
        figure = Figure(figsize=(PANEL[0] * len(spec.panels), PANEL[1] + 0.5), layout="constrained")
        axes = figure.subplots(1, len(spec.panels), squeeze=False)[0]
        for panel, ax in zip(spec.panels, axes, strict=True):
            _draw(ax, spec, panel[1], values[panel])
        figure.suptitle(f"{spec.title}, scale {spec.scale}", fontsize=10)
        figure.supxlabel("; ".join(spec.stand_ins), fontsize=6, wrap=True)
        with written_atomically(output) as temporary:
            figure.savefig(temporary, format="png", dpi=150, metadata={"Description": f"code {code}"})


def _draw(ax: Axes, spec: ChartSpec, metric: str, values: pd.DataFrame) -> None:
    """Draw one panel of `values` by loss."""
    names = list(dict.fromkeys(loss.removeprefix(ROBUST) for loss in spec.losses))
    for kind, prefix, shift in (("standard", "", -WIDTH / 2), ("robust", ROBUST, WIDTH / 2)):
        shown = [(place, f"{prefix}{name}") for place, name in enumerate(names) if f"{prefix}{name}" in spec.losses]
        heights = values.loc[[loss for _, loss in shown], "value"]
        spread = values.loc[[loss for _, loss in shown], "sd_over_seeds"].fillna(0)
        bars = ax.bar([place + shift for place, _ in shown], heights, WIDTH, color=COLOURS[kind], label=f"{kind} VGG")
        ax.bar_label(bars, fmt="%.1f", fontsize=6, padding=1)
        if spread.any():
            ax.errorbar([place + shift for place, _ in shown], heights, spread, fmt="none", ecolor="black", capsize=2)
    line, trivial = (float(values[name].loc[spec.line]) for name in ("value", TRIVIAL))
    ax.axhline(line, color="red", linestyle="--", linewidth=1, label=spec.line.upper())
    ax.axhline(trivial, color="gray", linestyle=":", linewidth=1, label=str(values["trivial_method"].iloc[0]))
    ax.set_xticks(range(len(names)), [name.upper() for name in names])
    ax.set_title(metric.replace("_", " "), fontsize=9)
    ax.set_ylabel("classification error, %")
    # room for the legend above the bars
    ax.set_ylim(0, 1.25 * float(max(line, trivial, values["value"].max())))
    ax.legend(fontsize=7, ncols=4, loc="upper center")


if __name__ == "__main__":
    run(main)
