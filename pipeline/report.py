"""Stage report: one self-contained page of all tables of a scale, and their claims as JSON. Needs no torch."""

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lossbench.files import write_text
from pipeline.command import run
from pipeline.outputs.finite import finite
from pipeline.outputs.layout import path_of
from pipeline.pages import again, claims, cost, numbers, overview, pictures, plots
from pipeline.pages import figures as drawings
from pipeline.pages.conclusion import conclusion, power
from pipeline.pages.formats import foundation, notes
from pipeline.pages.galleries import galleries
from pipeline.pages.inputs import Gaps, LossNetwork, Table, read_loss_networks, read_table
from pipeline.pages.matrix import anchor, answers, matrices, short
from pipeline.pages.plots import Style
from pipeline.specs.report import TEMPLATES, ReportSpec

ROOM = 8_500_000
"""Bytes of the page for compared pictures."""
PERCEPTION = ("lpips", "niqe")
"""Metrics of the plane's second axis, lower is better; the first that a table has is taken."""
CURVES = ("pixel", "squared_error", "kl", "total")
"""Columns of the histories that are drawn."""
FORMATS = {"long CSV": "long", "wide CSV": "wide", "LaTeX": "latex", "Markdown": "markdown"}
"""Labels of links to the files of a table."""


def main(spec: ReportSpec, code: str, verdicts: Sequence[Path], output: Path, figures: Sequence[Path] = ()) -> None:
    """Write the page to `output` and `claims.json` beside it.

    `verdicts` are files `results/<scale>/verdicts/<paper>/<table>.json`, `figures` the drawn pictures of their tables;
    all else is found from them, and what is not there is named on the page. Raises UserError for unreadable verdicts
    and for a full disk.
    """
    gaps = Gaps()
    tables = [read_table(path, gaps) for path in verdicts]
    networks = read_loss_networks(tables[0].root, gaps)
    withheld = again.withheld(tables)
    judged = [claim for table in tables for claim in claims.judged(table, withheld[table.name])]
    papers = claims.of_papers(tables, withheld)
    found = answers(tables, withheld)
    # one look a loss for the whole page
    losses = dict.fromkeys(loss for table in tables for loss in table.spec.losses)
    controls = {loss for table in tables for loss in (*table.spec.controls, *table.spec.answers)}
    references = dict.fromkeys(table.spec.reference_loss for table in tables)
    look = plots.styles([*references, *losses], next(iter(references)), sorted(controls))
    count = 2 * sum(1 for table in tables for _ in table.places())
    parts = [_part(table, networks, look, ROOM // max(count, 1), figures, output) for table in tables]
    blocks: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, **blocks)
    page = pages.get_template("page.html.jinja").render(
        title=spec.title,
        conclusion=conclusion(found, "; ".join(dict.fromkeys(withheld.values())) if all(withheld.values()) else ""),
        matrices=matrices(tables, withheld),
        again=again.line(tables),
        power=power(found),
        sentence=_sentence(tables),
        code=code,
        css=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        js=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        overview=overview.overview(tables, networks, code),
        anchors={table.name: anchor(table) for table in tables},
        papers=papers,
        unclaimed=claims.of_none(tables, withheld),
        tally=claims.tally(fold for _, folds in papers for fold in folds),
        alarms=_alarms(tables),
        parts=parts,
        styles=look,
        networks=[_network(network, gaps, index) for index, network in enumerate(networks)],
        # last: everything above may add to it
        gaps=list(gaps.found.values()),
    )
    write_text(output, page)
    write_text(output.with_name("claims.json"), json.dumps(finite(judged), indent=1, allow_nan=False) + "\n")
    made = sum(claim.get("kind") != claims.AGAIN for claim in judged)
    print(f"{output}: {len(tables)} tables, {made} claims, {len(gaps.found)} missing, {len(page) / 1e6:.1f} MB")


def _sentence(tables: Sequence[Table]) -> str:
    runs = {cell.card for table in tables for cell in table.runs}
    places = [
        (table.name, cell.column, cell.test_set, cell.network, cell.loss) for table in tables for cell in table.runs
    ]
    counts = Counter(places).values()
    fewest, most = min(counts, default=0), max(counts, default=0)
    own = sum(not table.spec.published for table in tables)
    kinds = {"published {}": len(tables) - own, "{} without published numbers": own}
    listed = [f"{n} {words.format('table' if n == 1 else 'tables')}" for words, n in kinds.items() if n]
    seeds = f"{most} seed{'s' if most != 1 else ''} each" if fewest == most else f"{fewest} to {most} seeds each"
    count = f"{' and '.join(listed)}, {len(runs)} trained networks, {seeds}. "
    if any(table.spec.stand_ins for table in tables):
        return f"{count}Stand-ins replace published data or networks: compare differences, not levels."
    found = list(dict.fromkeys(foundation(table.spec) for table in tables))
    return count + " ".join(f"{text[0].upper()}{text[1:]}." for text in found)


def _alarms(tables: Sequence[Table]) -> list[tuple[str, list[str]]]:
    """Return why verdicts are withheld, each reason with what there is to say of it."""
    failed = [table.harness for table in tables if not table.harness.get("passed")]
    failures = list(
        dict.fromkeys(str(text) for harness in failed for text in harness.get("failures") or ["no check ran"])
    )
    alarms = [(again.GOLDEN, failures)] if failures else []
    if everywhere := again.false_directions(tables):
        return [*alarms, (everywhere, [])]
    return [*alarms, *((reason, [table.name]) for table in tables if (reason := again.false_directions([table])))]


def _part(
    table: Table,
    networks: Sequence[LossNetwork],
    look: dict[str, Style],
    room: int,
    figures: Sequence[Path],
    output: Path,
) -> dict[str, Any]:
    """Return all that the page says of one table."""
    spec, name = table.spec, anchor(table)
    # the notes tell how many pictures and seeds there are, and where they were trained
    complete = {"n_images", "n_seeds", "device", "precision"} <= set(table.long) and (table.long["n_seeds"] > 0).any()
    return {
        "anchor": name,
        "short": short(table),
        "paper": spec.paper.replace("_", " "),
        "spec": spec,
        "sheet": numbers.sheet(table),
        "heads": {metric.name: numbers.head(metric) for metric in spec.metrics},
        "spread": "sd_over_seeds" in table.long and table.long["sd_over_seeds"].notna().any(),
        "files": _files(table, output),
        "figures": drawings.shown(table, figures, output),
        "notes": notes(spec, table.long) if complete else [*spec.stand_ins, *spec.settings],
        "planes": _planes(table, name, look),
        "curves": _curves(table, name, look),
        "cost": cost.cost(table, networks),
        "shape": overview.shape(table),
        "levels": overview.values(table),
        "galleries": galleries(table, room),
    }


def _files(table: Table, output: Path) -> list[tuple[str, str]]:
    """Return label and relative link of the table's files that there are."""
    found = []
    for label, name in FORMATS.items():
        file = Path(path_of(table.root, "tabulate", name, {"paper": table.spec.paper, "table": table.spec.table}))
        if file.is_file():
            found.append((label, os.path.relpath(file, output.parent)))
        else:
            table.gaps.note(table.name, f"the table as {label}", file, "the file does not exist")
    return found


def _planes(table: Table, place: str, look: dict[str, Style]) -> list[dict[str, Any]]:
    """Return the perception-distortion planes, ours and the paper's, of every network and column."""
    metrics = {metric.name for metric in table.spec.metrics}
    perception = next((name for name in PERCEPTION if name in metrics), None)
    if "psnr" not in metrics or perception is None:
        return []
    groups = []
    for number, (network, column) in enumerate(table.places()):
        here = table.long[(table.long["network"] == network) & (table.long["column"] == column)]
        drawn, axes = [], ("PSNR", perception.upper())
        for label, origin in (("ours", "value"), ("paper", "published")):
            wide = here.reindex(columns=["loss", "metric", origin]).pivot(index="loss", columns="metric", values=origin)
            # what is infinite has no place in a plane
            wide = wide.reindex(columns=["psnr", perception]).replace([math.inf, -math.inf], math.nan).dropna()
            rows = {str(loss): (x, y) for loss, x, y in wide.itertuples()}
            points = {loss: rows[loss] for loss in table.spec.losses if loss in rows}
            if points:
                name, title = f"{place}-plane-{number}-{label}", f"{network}, {column}, {label}"
                svg = plots.plane(name, title, points, table.spec.reference_loss, look, axes)
                drawn.append((label, Markup(svg)))
        if drawn:
            groups.append({"network": network, "column": column, "plots": drawn})
    return groups


def _curves(table: Table, place: str, look: dict[str, Style]) -> list[dict[str, Any]]:
    """Return the training curves of every network and column, those of the first seed."""
    groups = []
    for number, (network, column) in enumerate(table.places()):
        cells = {loss: found[0] for loss in table.spec.losses if (found := table.cells(column, network, loss))}
        read = {loss: table.histories.get(str(cell.card)) for loss, cell in cells.items()}
        histories = {loss: history for loss, history in read.items() if history is not None}
        drawn = []
        for name in CURVES:
            if svg := plots.curves(f"{place}-curve-{number}-{name}", f"{network}, {column}", histories, name, look):
                drawn.append((name, Markup(svg)))
        if drawn:
            groups.append({"network": network, "column": column, "plots": drawn})
    return groups


def _network(network: LossNetwork, gaps: Gaps, number: int) -> dict[str, Any]:
    """Return what the page says of a loss network: reconstructions, numbers, training curve."""
    label = f"of the loss network {network.name} on {network.dataset}"
    shown, curve = None, ""
    if network.picture is not None:
        shown = gaps.read("pretrain", f"reconstructions {label}", network.picture, pictures.reconstructions)
    if network.history is not None:
        history, look = {network.name: network.history}, plots.styles([network.name], network.name, ())
        curve = plots.curves(f"loss-network-{number}", f"Pre-training {label}", history, "total", look)
    uri, size = shown or ("", (0, 0))
    return {
        "name": network.name,
        "dataset": network.dataset,
        "picture": uri,
        "size": size,
        "facts": cost.network_facts(network),
        "curve": Markup(curve),
    }


if __name__ == "__main__":
    run(main)
