"""Plots of a report as inline SVG: colours are the page's own variables, so that they fit light and dark."""

import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

INK = "#010203"
"""Stands for the text's colour until the page's is put in; likewise the others."""
FAINT = "#040506"
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
CONTROL = "#0b0001"
COLOURS = {
    INK: "currentColor",
    FAINT: "var(--line)",
    CONTROL: "var(--control)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)},
}
MARKERS = "osD^vP*X"
DASHES = ((1, 1), (4, 2), (6, 2, 1, 2), (2, 2))
SIZE = (3.5, 2.7)
"""Inches of one plot."""
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lossbench",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Style:
    """How a loss is drawn, the same in every plot of a page."""

    colour: str
    marker: str
    dashes: tuple[int, ...] | None = None

    @property
    def css(self) -> str:
        """Return the colour for a style sheet."""
        return COLOURS[self.colour]


def styles(losses: Sequence[str], reference: str, controls: Sequence[str]) -> dict[str, Style]:
    """Return a style for every loss: ink for the reference, dashed grey for controls, a colour for each other one."""
    found = {reference: Style(INK, "o")}
    for loss in losses:
        if loss in found:
            continue
        if loss in controls:
            number = sum(style.colour == CONTROL for style in found.values())
            found[loss] = Style(CONTROL, MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)])
        else:
            number = sum(style.colour in SERIES for style in found.values())
            dashes = DASHES[number // len(SERIES) % len(DASHES)] if number >= len(SERIES) else None
            found[loss] = Style(SERIES[number % len(SERIES)], MARKERS[(number + 1) % len(MARKERS)], dashes)
    return found


def plane(
    name: str,
    title: str,
    points: Mapping[str, tuple[float, float]],
    reference: str,
    look: Mapping[str, Style],
    labels: tuple[str, str],
) -> str:
    """Return the perception-distortion plane with an arrow from the reference to each other loss.

    `points` holds (distortion metric, perception metric) a loss; the first is better when higher and the second when
    lower, so its axis is turned over: better is up and to the right. `name` is unique on the page.
    """
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for loss, (x, y) in points.items():
            style = look[loss]
            if loss != reference and reference in points:
                axes.annotate(
                    "",
                    (x, y),
                    points[reference],
                    arrowprops={
                        "arrowstyle": "-|>",
                        "color": style.colour,
                        "lw": 1.4,
                        "shrinkA": 3,
                        "shrinkB": 3,
                        "linestyle": "--" if style.dashes else "-",
                    },
                )
            axes.plot(x, y, style.marker, color=style.colour, markersize=5.5, clip_on=False)
        _label(axes, points)
        axes.margins(0.22, 0.16)
        axes.invert_yaxis()
        axes.set_xlabel(f"{labels[0]}, better →")
        axes.set_ylabel(f"{labels[1]}, better →")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        words = "; ".join(f"{loss} {x:.4g}, {y:.4g}" for loss, (x, y) in points.items())
        return _svg(figure, name, f"{title}. {labels[0]} and {labels[1]}: {words}")


def _label(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Name every point beside it, apart from names already placed."""
    placed: list[tuple[float, float]] = []
    spans = [max(values) - min(values) or 1.0 for values in zip(*points.values(), strict=True)] or [1.0, 1.0]
    for loss, (x, y) in sorted(points.items(), key=lambda item: item[1][1]):
        across, down = x / spans[0], y / spans[1]
        shift = 0.0
        while any(abs(across - other) < 0.34 and abs(down + shift - below) < 0.085 for other, below in placed):
            shift += 0.03
        placed.append((across, down + shift))
        axes.annotate(loss, (x, y), (6, -3 - shift * 130), textcoords="offset points", fontsize=8.5)


def curves(name: str, title: str, histories: Mapping[str, pd.DataFrame], column: str, look: Mapping[str, Style]) -> str:
    """Return one column of the histories against the step, on a logarithmic axis; nothing when no history has it."""
    shown = {loss: frame for loss, frame in histories.items() if column in frame and (frame[column] > 0).any()}
    if not shown:
        return ""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for loss, frame in shown.items():
            style = look[loss]
            (line,) = axes.plot(frame["step"], frame[column].where(frame[column] > 0), color=style.colour, lw=1.3)
            if style.dashes:
                line.set_dashes(style.dashes)
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        last = "; ".join(f"{loss} {frame[column].iloc[-1]:.4g}" for loss, frame in shown.items())
        return _svg(figure, name, f"{title}: {column} against the step. At the end: {last}")


def _svg(figure: Figure, name: str, description: str) -> str:
    """Return the figure as an <svg> element with ids of its own and a name for screen readers."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    # several plots share a page: without a prefix their clip paths would clash
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    for stand_in, colour in COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r"font-family: [^;]*; ?", "", text).replace("\n", " ")
    spoken = html.escape(description)
    title = f'<title id="{name}-title">{spoken}</title>'
    start = re.sub(r'(?<= )(width|height|xmlns(:xlink)?|version)="[^"]*" ?', "", text[: text.index(">") + 1])
    start = start.replace("<svg", f'<svg role="img" aria-labelledby="{name}-title"', 1)
    return f"{start}{title}{text[text.index('>') + 1 :].strip()}"
