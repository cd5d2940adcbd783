"""Write the demo's numbers into README.md: `uv run python docs/demo_numbers.py --write`, after the demo's report.

docs/demo.json keeps what is printed, so that the text can be checked without the results.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from _machine import processor
from _paper_results import cards_of, finished_tables

from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from pipeline.pages.claims import KINDS
from pipeline.pages.inputs import Card, Gaps, Table, read_json, read_loss_networks
from pipeline.pages.numbers import plain, real
from pipeline.pages.readme import AGAIN, COUNTED, DIGITS, KEPT_DIGITS, Snapshot, blocks, page

ROOT = Path(__file__).parents[1]
SNAPSHOT = Path(__file__).with_name("demo.json")
RESULTS = Path("results/demo")
REMEDY = "run `uv run snakemake report` until it ends without errors"
PAPER, TABLE, NETWORK = "mae_loss", "mae_loss/table3", "edsr"
"""Whose claims the README counts, and what it prints in full."""
OWN = "beyond"
"""The tables that no paper has."""
NEEDED = ("column", "network", "loss", "metric", "better", "value", "difference", "low", "high", "published",
          "published_warning", "published_difference", "trivial", "parameters", "n_images", "n_seeds")  # fmt: skip


def snapshot(results: Path, minutes: str | None = None, own_minutes: str | None = None) -> Snapshot:
    """Return what the README prints of the finished results of a scale.

    `minutes` is the time that all tables of the papers took, `own_minutes` that of this project's tables after them.

    Raises UserError naming the first file that is missing, incomplete or older than what it was made from.
    """
    tables = _tables(results)
    claims = _claims(results / "report/claims.json", tables)
    cards = cards_of(tables)
    papers = [file.parent.name for file in (results / "verdicts").glob("*/*.json")]
    before = [network.card for network in read_loss_networks(results, Gaps()) if real(network.card.get("seconds"))]
    return {
        "scale": results.name,
        "made": {"tables": len(papers) - papers.count(OWN), "minutes": minutes,
                 "own_tables": papers.count(OWN), "own_minutes": own_minutes},
        "cores": os.cpu_count(),
        "cpu": processor(),
        "device": _distinct(card.get("device") for card in cards),
        "precision": _distinct(card.get("precision") for card in cards),
        "versions": cards[0].get("versions", {}),
        "environment_gib": _environment(),
        "trained": {"networks": len(cards), "minutes": _minutes(cards)},
        "pretrained": {"networks": len(before), "minutes": _minutes(before)},
        "tables": {name: {"title": one.spec.title, "claims": _counted(claims[name])} for name, one in tables.items()},
        "again": [sum(row["direction"] for one in tables.values() for row in one.again),
                  sum(len(one.again) for one in tables.values())],
        "table3": _printed(tables[TABLE]),
        "controls": _controls(tables[TABLE], claims[TABLE]),
    }  # fmt: skip


def _tables(results: Path) -> dict[str, Table]:
    """Return every table of PAPER with verdicts by its name, complete; raises UserError for one that is not."""
    tables = finished_tables(results, PAPER, REMEDY)
    for name, table in tables.items():
        if table.cards and (absent := [column for column in NEEDED if column not in table.long.columns]):
            raise UserError(f"{results / 'tables' / name}.csv has no column {absent[0]}; {REMEDY}")
    if TABLE not in tables:
        raise UserError(f"{results}/verdicts/{TABLE}.json is missing; {REMEDY}")
    return tables


def _claims(file: Path, tables: Mapping[str, Table]) -> dict[str, list[dict[str, Any]]]:
    """Return the claims of the report by table; raises UserError where they are not those of the verdicts."""
    try:
        rows = read_json(file)
        found = {name: [row for row in rows if f"{row['paper']}/{row['table']}" == name] for name in tables}
    except FileNotFoundError:
        raise UserError(f"{file} is missing; {REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} can't be read ({error!r}); delete it and {REMEDY}") from None
    for name, table in tables.items():
        judged = [(claim["id"], claim["verdict"]) for claim in table.claims]
        if judged != [(claim["id"], claim["verdict"]) for claim in found[name]]:
            raise UserError(f"{file} has other verdicts on {name} than its own file; delete it and {REMEDY}")
    return found


def _counted(claims: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return the number of claims by kind and verdict."""
    known = [word for verdicts in COUNTED.values() for word in verdicts]
    counts = defaultdict[str, dict[str, int]](lambda: dict.fromkeys(known, 0))
    # a loss against itself is no claim
    for claim in (claim for claim in claims if claim.get("kind") != AGAIN):
        for name, words in (("kind", KINDS), ("verdict", known)):
            if (word := claim.get(name, "text")) not in words:
                raise UserError(f"{name} '{word}' is none of {', '.join(words)}; name it in docs/demo_numbers.py")
        counts[claim.get("kind", "text")][claim["verdict"]] += 1
    return {kind: counts[kind] for kind in KINDS if kind in counts}


def _printed(table: Table) -> Snapshot:
    """Return the rows of NETWORK in `table`, one a column, loss and metric."""
    here = table.long[table.long["network"] == NETWORK].astype({"published_warning": object})
    here, rows = here.fillna({"published_warning": ""}), []
    kinds = {"control": table.spec.controls, "answer": table.spec.answers, AGAIN: (table.spec.again,)}
    for row in here.to_dict("records"):
        names = {name: str(row[name]) for name in ("column", "loss", "metric", "better", "published_warning")}
        numbers = ("value", "difference", "low", "high", "published", "published_difference", "trivial")
        words = {name: names["loss"] in known for name, known in kinds.items()}
        rows.append({**names, **words, **{name: _kept(row[name]) for name in numbers}})
    sizes = here.dropna(subset="parameters").set_index("column")["parameters"].astype(int).to_dict()
    return {
        "network": NETWORK,
        "reference_loss": table.spec.reference_loss,
        "trivial": table.spec.trivials[0],
        "pictures": int(here["n_images"].max()),
        "seeds": int(here["n_seeds"].max()),
        "noise_seeds": sorted({cell.seed for cell in table.spec.noise_cells}),
        "parameters": sizes,
        "rows": rows,
    }


def _controls(table: Table, claims: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the claims that compare a loss with a control."""
    words, numbers = ("text", "better", "than", "metric", "verdict", "reason"), ("difference", "low", "high")
    chosen = [claim for claim in claims if claim["than"] in table.spec.controls]
    return [{**{name: each[name] for name in words}, **{name: _kept(each[name]) for name in numbers},
             "astray": _astray(table, each)} for each in chosen]  # fmt: skip


def _astray(table: Table, claim: Mapping[str, Any]) -> list[str]:
    """Name the runs behind a claim that ended below the trivial answer: they are no measure of a loss."""
    found = table.long[(table.long["metric"] == claim["metric"]) & (table.long["gain_over_trivial"] < 0)]
    found = found[found["loss"].isin([claim["better"], claim["than"]])]
    return [f"{row['network']} {row['column']} under `{row['loss']}` ({plain(row['value'], DIGITS)}, trivial answer "
            f"{plain(row['trivial'], DIGITS)})" for row in found.to_dict("records")]  # fmt: skip


def _kept(value: object) -> float | None:
    number = real(value)
    return None if number is None else round(number, KEPT_DIGITS)


def _minutes(cards: Iterable[Card]) -> float:
    return round(sum(real(card.get("seconds")) or 0 for card in cards) / 60, 1)


def _distinct(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value))


def _environment() -> float:
    """Return the GiB on disk of the environment that runs this, as `du` counts them."""
    blocks = {(file.st_dev, file.st_ino): file.st_blocks for file in map(os.lstat, Path(sys.prefix).rglob("*"))}
    return round(512 * sum(blocks.values()) / 2**30, 1)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew docs/demo.json and README.md, not only print")
    parser.add_argument("--minutes", metavar="TEXT", help='how long the tables of the papers took, such as "25" or '
                        '"24 to 27"; left out, what docs/demo.json says')  # fmt: skip
    parser.add_argument(
        "--own-minutes", metavar="TEXT", help="how long those of this project took after them, likewise"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"finished results (default {RESULTS})")
    given = parser.parse_args()
    earlier = read_json(SNAPSHOT)["made"] if SNAPSHOT.exists() else {"minutes": None, "own_minutes": None}
    kept = snapshot(given.results, given.minutes or earlier["minutes"], given.own_minutes or earlier["own_minutes"])
    if not given.write:
        print("\n".join(f"<!-- demo:{name} -->\n{text}\n<!-- /demo:{name} -->" for name, text in blocks(kept).items()))
        return
    readme = ROOT / "README.md"
    renewed = page(readme.read_text(encoding="utf-8"), kept)
    write_text(SNAPSHOT, json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(readme, renewed)


if __name__ == "__main__":
    exit_with_one_line(_main)
