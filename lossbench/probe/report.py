"""What the probe of a loss found, as text, JSON and one picture; `report` is that of `probe_loss.as_dict`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lossbench.assets.optional import imported
from lossbench.errors import one_line
from lossbench.files import write_text, written_atomically
from lossbench.measuring.json_text import as_json
from lossbench.names import counted
from lossbench.usage.folding import folded, tabled

SPREAD = 1.5
"""Largest over smallest ratio of rounds above which both are said."""
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860")


def as_text(report: Mapping[str, Any], width: int | None = None) -> str:
    """Return the report as a table and its reading, in lines of at most `width` characters where that is given."""
    rows, cost = report["degradations"], report["cost"]
    terms = list(rows[0]["terms"])
    head = ["degradation", "PSNR", "L1", "loss", *terms, *(f"|grad {term}|/|grad L1|" for term in terms)]
    lines = []
    for row in rows:
        values = [row["l1"], row["loss"], *row["terms"].values(), *row["gradient_ratios"].values()]
        lines.append([row["name"], f"{row['psnr']:.2f}", *(f"{value:.4g}" for value in values)])
    crops = counted(report["crops"], "crop")
    before = (
        f"{report['loss']} on {crops} of {report['crop']} px of {one_line(report['image'])}; "
        "terms are not weighted, loss is their weighted sum"
    )
    behind = [
        f"worst first, loss: {_order(report['worst_first']['loss'])}",
        f"worst first, L1:   {_order(report['worst_first']['l1'])}",
        f"forward + backward on {_place(report['device'])}: {_times(cost)} ({_duration(cost['loss_milliseconds'])}), "
        f"about {_rounded(cost['memory_ratio'])} times its extra memory ({cost['loss_bytes'] / 2**20:,.1f} MiB)",
    ]
    read = [part for line in behind for part in folded(line, width)]
    return "\n".join([*folded(before, width), *tabled(head, lines, width), *read])


def write(folder: Path, report: Mapping[str, Any], text: str, pictures: Mapping[str, Tensor]) -> None:
    """Write `probe.txt`, `probe.json` and `probe.png` to `folder`, each atomically; `pictures` are crops (3, H, W)."""
    write_text(folder / "probe.txt", text + "\n")
    write_text(folder / "probe.json", as_json(report) + "\n")
    with written_atomically(folder / "probe.png") as temporary:
        _draw(temporary, report, pictures)


def _times(cost: Mapping[str, Any]) -> str:
    """Say how many times L1's time a loss takes, and where rounds do not agree on that."""
    least, most = cost["least_time_ratio"], cost["most_time_ratio"]
    differ = f", {_rounded(least)} to {_rounded(most)} in single rounds" if most > SPREAD * least else ""
    return f"about {_rounded(cost['time_ratio'])} times L1{differ}"


def _place(device: str) -> str:
    return "one thread of the CPU" if device == "cpu" else device


def _rounded(value: float) -> str:
    """Return `value` by two digits, without an exponent."""
    short = float(f"{value:.2g}")
    return f"{short:,.0f}" if short >= 10 else f"{short:g}"


def _duration(milliseconds: float) -> str:
    return (
        f"{milliseconds / 1000:,.1f} s"
        if milliseconds >= 1000
        else f"{milliseconds:.2g} ms"
        if milliseconds < 10
        else f"{milliseconds:.0f} ms"
    )


def _order(groups: Sequence[Sequence[str]]) -> str:
    return " > ".join(" = ".join(group) for group in groups)


def _draw(path: Path, report: Mapping[str, Any], pictures: Mapping[str, Tensor]) -> None:
    """Draw the crops in a row, and below a group of bars for each degradation: terms and L1, each over its mean."""
    figures = imported("matplotlib.figure", "the picture of a probe")
    rows = report["degradations"]
    figure = figures.Figure(figsize=(2 * len(pictures), 5.2), dpi=110, layout="constrained")
    grid = figure.add_gridspec(2, len(pictures), height_ratios=(1, 1.2))
    for column, (name, crop) in enumerate(pictures.items()):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(crop.clamp(0, 1).permute(1, 2, 0).cpu().numpy(), interpolation="nearest")
        axes.set_title(name)
        axes.set_axis_off()
    # the clean crop has no bars: the groups stand below their own crops
    axes = figure.add_subplot(grid[1, 1:])
    series = {"L1": [row["l1"] for row in rows]}
    series |= {f"term {term}": [row["terms"][term] for row in rows] for term in rows[0]["terms"]}
    width = 0.8 / len(series)
    for index, (label, values) in enumerate(series.items()):
        mean = float(np.mean(values)) or 1.0
        places = np.arange(len(rows)) + (index - (len(series) - 1) / 2) * width
        axes.bar(places, np.array(values) / mean, width, label=label, color=COLOURS[index % len(COLOURS)])
    axes.axhline(1, color="0.5", linewidth=0.8)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_xticks(range(len(rows)), [row["name"] for row in rows])
    axes.set_ylabel("value / mean over degradations")
    axes.legend(frameon=False, ncols=len(series))
    figure.suptitle(f"{report['loss']}: what it sees at {rows[0]['psnr']:.1f} dB")
    figure.savefig(path, format="png")
