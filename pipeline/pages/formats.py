"""The wide table of a paper in four formats, with its protocol, stand-ins and settings around it."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from lossbench.comparing.latex import latex
from pipeline.pages.training_notes import said, training_notes
from pipeline.specs.tabulate import TabulateSpec

ARROWS = {"up": "↑", "down": "↓"}
DIGITS = 4
SIGNIFICANT = 0.05
"""Largest adjusted p-value of a difference that is marked."""
OWN = "folder"
"""The data set of a user's own pictures."""


def wide_frame(spec: TabulateSpec, long: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's layout as text: a row a network and loss; ours, published and differences a column each.

    The first rows are the trivial answers; the last columns are steps and seconds of a run, one number a column. A
    table of which nothing is published has no columns for that.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    printed = {metric.name: f" {metric.published}" if metric.published else "" for metric in spec.metrics}
    for name in spec.all_trivials:
        rows["", name] = _trivial_row(spec, long, name)
    for (network, loss), cells in long.groupby(["network", "loss"], sort=True, observed=True):
        row: dict[str, str] = {}
        for cell in cells.to_dict("records"):
            head = _head(cell["column"], cell["metric"], cell["better"])
            number = _number(cell["value"], cell["sd_over_seeds"], cell["sd_over_images"])
            row[head] = "server only" if cell["column"] in spec.server_only else number
            if spec.published:
                name = f"{head} published{printed[cell['metric']]}"
                row[name] = _published(cell["published"], cell["published_warning"])
            beside = f" / {_signed(cell['published_difference'])}" if spec.published else ""
            row[f"{head} Δ"] = f"{_difference(cell)}{beside}"
        # what was made without a training took no steps
        runs = cells[(cells["n_seeds"] > 0) & cells["steps"].notna()].drop_duplicates("column")
        row["steps"] = "/".join(f"{steps:.0f}" for steps in runs["steps"])
        row["seconds"] = "/".join(f"{seconds:.0f}" for seconds in runs["seconds"])
        rows[str(network), str(loss)] = row
    frame = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    frame.index = pd.MultiIndex.from_tuples(rows, names=["network", "loss"])
    columns = next(row for key, row in rows.items() if key[0])
    return frame[list(columns)]


def foundation(spec: TabulateSpec) -> str:
    """Return in words whether the table rests on what is published."""
    if spec.stand_ins:
        return "a stand-in is not the published data set or network: compare differences, not levels"
    if not spec.published:
        return "no paper prints numbers of this table: there is nothing to compare it with"
    if any(OWN in (cell.dataset, cell.test_set) for cell in spec.cells):
        return f"pictures of your own (data set {OWN}): the published numbers are of other pictures"
    return "published data sets and networks throughout"


def notes(spec: TabulateSpec, long: pd.DataFrame) -> list[str]:
    """Return what must be read with the numbers, a sentence each."""
    own = long[long["n_seeds"] > 0]
    images, seeds = sorted(set(own["n_images"])), sorted(set(own["n_seeds"]))
    spread = "± is the standard deviation over seeds" if max(seeds) > 1 else "one seed, so no spread over seeds"
    beside = " / published" if spec.published else ""
    lines = [
        f"scale: {spec.scale}; {_listed(images)} test pictures; seeds a cell: {_listed(seeds)}; {spread}; "
        "in brackets the standard deviation over pictures",
        f"Δ is the difference to '{spec.reference_loss}' of the same network: ours [95 % interval]{beside}; "
        "† p < 0.05 (from the draws of the interval, Holm over the table)",
        _covered(spec, max(seeds)),
        foundation(spec),
    ]
    lines += [f"{column}: server only; {reason}" for column, reason in spec.server_only.items()]
    if spec.again:
        lines.append(f"A/A test: {spec.again} is {spec.reference_loss} itself under other seeds")
    if spec.controls:
        lines.append(f"controls, which the paper does not have: {', '.join(spec.controls)}")
    if spec.answers:
        lines.append(f"made without a training, which a loss must beat: {', '.join(spec.answers)}")
    lines += [f"stand-in: {text}" for text in spec.stand_ins]
    for metric in spec.metrics:
        beside = f", beside the paper's {metric.published}" if metric.published else ""
        lines.append(f"protocol of {metric.name} ({ARROWS[metric.better]}){beside}: {metric.protocol}")
    lines += [f"setting: {text}" for text in spec.settings]
    lines += training_notes(own)
    lines += _infinite(own)
    lines += _not_lent(own)
    lines += _warnings(spec)
    trained = own[~own["loss"].isin(list(spec.answers))]
    devices = sorted({f"{row['device']}, {row['precision']}" for row in trained.to_dict("records")})
    return [*lines, f"trained on: {'; '.join(devices)}"]


def _covered(spec: TabulateSpec, seeds: int) -> str:
    """Return which noise the intervals hold."""
    further = sorted({cell.seed for cell in spec.noise_cells})
    if further:
        more = f"further runs of '{spec.reference_loss}' (seeds {_listed(further)}), which enter no mean"
        return f"intervals cover other pictures and other seeds, whose noise {more} lend"
    if seeds > 1:
        return "intervals cover other pictures and other seeds, whose noise the losses of a network tell together"
    return "one seed and no further runs: intervals cover other pictures only, and no difference is marked"


def wide_csv(spec: TabulateSpec, wide: pd.DataFrame) -> str:
    """Return the table as CSV; the last column says of each row what must be read with it."""
    words = [*(f"stand-in: {text}" for text in spec.stand_ins), *_warnings(spec)]
    return str(wide.assign(notes="; ".join(words)).to_csv())


def markdown_page(spec: TabulateSpec, long: pd.DataFrame, wide: pd.DataFrame) -> str:
    """Return the table and its notes as Markdown."""
    listed = "\n".join(f"- {line}" for line in notes(spec, long))
    # numbers are text already: parsing them would drop their last zeros
    cells = wide.reset_index().rename(columns=_markdown).map(_markdown)
    table = cells.to_markdown(index=False, disable_numparse=True)
    return f"# {spec.title}\n\n{table}\n\n{listed}\n"


def latex_table(spec: TabulateSpec, wide: pd.DataFrame) -> str:
    """Return the table as LaTeX (booktabs), stand-ins and warnings in its caption; differences stay out."""
    kept = wide[[name for name in wide.columns if "Δ" not in name]].reset_index().rename(columns=latex).map(latex)
    sentences = [f"{spec.title}, scale {spec.scale}", *(f"Stand-in: {text}" for text in spec.stand_ins)]
    caption = latex(". ".join([*sentences, *_warnings(spec)]))
    return str(kept.to_latex(index=False, escape=False, caption=caption, label=f"tab:{spec.paper}-{spec.table}"))


def html_page(spec: TabulateSpec, long: pd.DataFrame, wide: pd.DataFrame) -> str:
    """Return a self-contained page with the table and its notes."""
    listed = "".join(f"<li>{html.escape(line)}</li>" for line in notes(spec, long))
    title = html.escape(spec.title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem}"
        "div{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.25rem .6rem;text-align:right;"
        "border-bottom:1px solid #8884;font-variant-numeric:tabular-nums;white-space:nowrap}"
        "th{text-align:left}</style></head>"
        f"<body><h1>{title}</h1><div>{wide.to_html(border=0)}</div><ul>{listed}</ul></body></html>\n"
    )


def _warnings(spec: TabulateSpec) -> list[str]:
    return [
        f"* published {value.metric} of {value.network} {value.loss} {value.column}: {value.warning}"
        for value in spec.published
        if value.warning
    ]


def _infinite(own: pd.DataFrame) -> list[str]:
    """Return which images the intervals leave out, a line a cell."""
    rows = said(own, "left_out").to_dict("records")
    return [f"{row['metric']} of {row['network']} {row['loss']} {row['column']}: {row['left_out']}" for row in rows]


def _not_lent(own: pd.DataFrame) -> list[str]:
    """Return which losses' runs lie too far apart to be averaged with others', a line a network, column and metric."""
    rows = said(own, "not_lent").to_dict("records")
    return list(dict.fromkeys(f"{row['network']}, {row['column']}, {row['metric']}: {row['not_lent']}" for row in rows))


def _markdown(text: str) -> str:
    """Return `text` for a cell, which a bar would end."""
    return text.replace("|", "\\|")


def _trivial_row(spec: TabulateSpec, long: pd.DataFrame, name: str) -> dict[str, str]:
    better = {metric.name: metric.better for metric in spec.metrics}
    means = long.groupby(["column", "metric"], observed=True)[spec.trivial_column(name)].first()
    return {
        _head(column, metric, better[metric]): f"{means[column, metric]:.{DIGITS}f}"
        for column in spec.columns
        if column not in spec.server_only and name in spec.trivials_of(column)
        for metric in better
        # some metrics are taken in some columns only
        if (column, metric) in means.index
    }


def _head(column: str, metric: str, better: str) -> str:
    return f"{column} {metric}{ARROWS[better]}"


def _number(value: float, over_seeds: float, over_images: float) -> str:
    seeds = "" if pd.isna(over_seeds) else f" ± {over_seeds:.{DIGITS}f}"
    return f"{value:.{DIGITS}f}{seeds}" + ("" if pd.isna(over_images) else f" (± {over_images:.2f})")


def _published(value: float, warning: str) -> str:
    return "not published" if pd.isna(value) else f"{value:.{DIGITS}f}{'*' if warning else ''}"


def _difference(cell: Mapping[Any, Any]) -> str:
    """Return a cell's difference to the reference loss with its interval, marked where it is significant."""
    if pd.isna(cell["low"]):
        return _signed(cell["difference"])
    mark = "†" if cell["p_holm"] < SIGNIFICANT else ""
    return f"{_signed(cell['difference'])} [{_signed(cell['low'])}, {_signed(cell['high'])}]{mark}"


def _signed(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+.{DIGITS}f}"


def _listed(values: list[int]) -> str:
    return "/".join(str(value) for value in values)
