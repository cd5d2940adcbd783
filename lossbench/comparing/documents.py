"""A comparison as CSV, JSON, LaTeX and a page of HTML."""

import csv
import html
import io
import math
from collections.abc import Iterable
from typing import Any

from lossbench.comparing.estimates import LEVEL
from lossbench.comparing.latex import latex
from lossbench.comparing.numbers import HEAD, basis, bounds, decimals, heading, plain, rows_of, sentence, signed
from lossbench.comparing.result import Findings
from lossbench.comparing.scores import TARGET
from lossbench.errors import shown
from lossbench.measuring.json_text import as_json as json_of

ARROWS = {"up": "↑", "down": "↓"}
DAGGER = r"$^\dagger$"
STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;padding:0 1rem;"
    "max-width:60rem}div{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.25rem .6rem;text-align:right;"
    "border-bottom:1px solid #8884;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}"
)


def as_csv(result: Findings) -> str:
    """Return a row for each folder and metric beside the reference; what is no number is empty."""
    rows = result.rows()
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if _nothing(value) else value for name, value in row.items()} for row in rows)
    return file.getvalue().rstrip("\n")


def as_json(result: Findings, notices: Iterable[str] = ()) -> str:
    """Return all of it with every score; infinities are text and what is no number is null, since JSON has neither."""
    metrics = {
        metric: {
            "unit": unit,
            "better": result.better[metric],
            "protocol": result.table.protocols[metric],
            "means": {folder: result.mean(folder, metric) for folder in result.folders},
            "target_mean": result.target_mean(metric),
        }
        for metric, unit in result.metrics.items()
    }
    scores = {
        metric: {
            folder: {
                seed: dict(zip(result.table.names, map(float, run), strict=True))
                for seed, run in zip(result.seeds or ("",), values, strict=True)
            }
            for folder, values in by_folder.items()
        }
        for metric, by_folder in result.table.values.items()
    }
    whole = {
        "reference": result.reference,
        "folders": result.folders,
        "seeds": result.seeds,
        "of": result.what,
        "number": len(result.table.names),
        "level": LEVEL,
        "metrics": metrics,
        "comparisons": result.rows(),
        "not_covered": result.not_covered,
        "notes": [*result.notes, *notices],
        "scores": scores,
    }
    return json_of(_with_names_shown(whole))


def as_tex(result: Findings) -> str:
    """Return a table with the rules of the package booktabs: a row a folder, means and differences a metric."""
    heads = ["folder"]
    for metric, unit in result.metrics.items():
        name = f"{metric} ({unit})" if unit else metric
        heads += [f"{name} {ARROWS[result.better[metric]]}", "difference [95 % interval]"]
    body = [_tex_row(result, folder) for folder in result.folders]
    if result.table.target:
        means = {metric: result.target_mean(metric) for metric in result.metrics}
        cells = [("" if mean is None else plain(mean, decimals(result, metric)), "") for metric, mean in means.items()]
        body.append([TARGET, *(cell for pair in cells for cell in pair)])
    protocols = "; ".join(f"{metric}: {text}" for metric, text in result.table.protocols.items())
    caption = [
        shown(f"{basis(result)}; differences are to {result.reference}, with intervals at 95 %"),
        protocols,
        *(f"not covered: {text}" for text in result.not_covered),
        *map(shown, result.notes),
    ]
    marked = any(one.direction for one in result.estimates)
    mark = f" {DAGGER}: better or worse than {latex(shown(result.reference))}, $p < 0.05$ after Holm." if marked else ""
    lines = [
        r"\begin{table}",
        rf"\caption{{{latex('. '.join(caption))}.{mark}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        " & ".join(map(latex, heads)) + r" \\",
        r"\midrule",
        *(" & ".join([latex(row[0]), *map(_tex_number, row[1:])]) + r" \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def as_html(result: Findings) -> str:
    """Return a page that needs no other file."""
    title = f"{', '.join(result.folders[1:])} against {result.reference}"
    parts = [f"<p>{_html(basis(result))}; differences are to {_html(result.reference)}.</p>", "<ul>"]
    parts += [f"<li>{_html(sentence(result, one))}</li>" for one in result.estimates]
    parts.append("</ul>")
    for metric in result.metrics:
        head = "".join(f"<th>{_html(name)}</th>" for name in HEAD)
        cells = ["".join(f"<td>{_html(cell)}</td>" for cell in row) for row in rows_of(result, metric)]
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        parts.append(f"<h2>{_html(heading(result, metric))}</h2>")
        parts.append(f"<p>Protocol: {_html(result.table.protocols[metric])}</p>")
        parts.append(f"<div><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>")
    for name, entries in (("Not covered", result.not_covered), ("Notes", result.notes)):
        listed = "".join(f"<li>{_html(text)}</li>" for text in entries)
        parts.append(f"<h2>{name}</h2><ul>{listed}</ul>" if entries else "")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_html(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{_html(title)}</h1>{''.join(parts)}</body></html>"
    )


def _tex_row(result: Findings, folder: str) -> list[str]:
    row = [shown(folder)]
    for metric in result.metrics:
        digits = decimals(result, metric)
        row.append(plain(result.mean(folder, metric), digits))
        if folder == result.reference:
            row.append("")
            continue
        one = result.of(folder, metric)
        row.append(f"{signed(one.difference, digits)} {bounds(one, digits)}{'†' if one.direction else ''}")
    return row


def _tex_number(text: str) -> str:
    return latex(text).replace("†", DAGGER).replace("-", "$-$")


def _html(text: str) -> str:
    return html.escape(shown(text))


def _nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _with_names_shown(value: Any) -> Any:
    """Return `value` with each text as `shown`."""
    if isinstance(value, dict):
        return {shown(str(key)): _with_names_shown(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_with_names_shown(entry) for entry in value]
    return shown(value) if isinstance(value, str) else value
